// `npm start -- [flags]`: makes ready what is missing, then becomes the server.
import { setUp } from './setup.mjs'

setUp()
await import('../dist/src/index.js')
