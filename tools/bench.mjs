// `npm run bench -- [NAME] [flags]`; all start what they measure themselves, on this machine only. bench/README.md has the flags. NAMEs:
//   load        rostra beside the floor program, quickly (the default)
//   forward, saturation, latency, data, storm, memory, workers, or all: also beside Janus, with tables and plots
//   soak        a full room for minutes, not of all: is anything lost, does anything grow
//   signalling  thousands of WebSocket clients, no media
//   impaired    real browsers on bad links
import { fail, run, setUp } from './setup.mjs'

const [first = 'load'] = process.argv.slice(2)
const named = !first.startsWith('-')
const name = named ? first : 'load'
const parts = ['forward', 'saturation', 'latency', 'data', 'storm', 'memory', 'workers', 'soak', 'all']
const names = ['load', ...parts, 'signalling', 'impaired']
if (!names.includes(name)) fail(`there is no bench "${name}": ${names.join(', ')}`)
const isPart = parts.includes(name)
// Parts share a program, which wants to know which; the others have one each.
if (process.argv.length > 2 && named && !isPart) process.argv.splice(2, 1)
setUp({ tests: true })
if (isPart || name === 'load')
  run('make', ['-C', 'bench/floor', '--no-print-directory', '-s'], { what: 'building the floor program' })
await import(`../dist/bench/${isPart ? 'parts' : name}/main.js`)
