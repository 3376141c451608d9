// `npm run bench -- [--subscribers 20] [--rate 500] [--bytes 1100] [--seconds 5] [--runs 5]`. Loopback only.
import { run, setUp } from './setup.mjs'

setUp({ tests: true })
run('make', ['-C', 'bench/floor', '--no-print-directory', '-s'], { what: 'building the floor program' })
await import('../dist/bench/load/main.js')
