// `npm run bench -- [NAME] [flags]`, loopback only. NAMEs:
//   load        [--subscribers 20] [--rate 500] [--bytes 1100] [--seconds 5] [--runs 5]    (the default)
//   signalling  [--rooms 100] [--clients-per-room 21] [--rate 5000] [--seconds 10] [--only rostra|janus] …
//   impaired    [--only loss-5,step-subscriber,…] [--browsers chromium-firefox,…] [--simulcast on|off|both] [--peer janus] …
import { fail, run, setUp } from './setup.mjs'

const [first = 'load'] = process.argv.slice(2)
const named = !first.startsWith('-')
const name = named ? first : 'load'
const names = ['load', 'signalling', 'impaired']
if (!names.includes(name)) fail(`there is no bench "${name}": ${names.join(', ')}`)
if (process.argv.length > 2 && named) process.argv.splice(2, 1)
setUp({ tests: true })
if (name === 'load')
  run('make', ['-C', 'bench/floor', '--no-print-directory', '-s'], { what: 'building the floor program' })
await import(`../dist/bench/${name}/main.js`)
