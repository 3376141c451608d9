import assert from 'node:assert/strict'
import { test } from 'node:test'
import { histogramText } from './histogram-text.js'

test('buckets are cumulative, and the last one has everything', () => {
  const text = histogramText('x_seconds', 'Times', [
    { labels: { worker: '0' }, bounds: [0.1, 1], counts: [2, 0, 3], sum: 7.5 },
  ])
  assert.equal(
    text,
    [
      '# HELP x_seconds Times',
      '# TYPE x_seconds histogram',
      'x_seconds_bucket{worker="0",le="0.1"} 2',
      'x_seconds_bucket{worker="0",le="1"} 2',
      'x_seconds_bucket{worker="0",le="+Inf"} 5',
      'x_seconds_sum{worker="0"} 7.5',
      'x_seconds_count{worker="0"} 5',
      '',
    ].join('\n'),
  )
  assert.equal(histogramText('y', 'None', []), '# HELP y None\n# TYPE y histogram\n')
})
