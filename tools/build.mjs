// `npm run build`: packages, addon and compiled code, without starting anything.
import { setUp } from './setup.mjs'

setUp({ tests: true })
