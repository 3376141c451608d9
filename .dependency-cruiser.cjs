// Who may import whom (ARCHITECTURE.md has the table with reasons). Tests beside sources may import more.
const notTest = '\\.test\\.ts$'
/** A folder may import only what is listed; third-party packages and node: modules are always fine. */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: notTest },
  to: { path: '^(src|client|test|bench|fuzz)/', pathNot: allowed },
})

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'addon-only-in-binding',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/media/io/binding\\.ts$' },
      to: { path: 'node-gyp-build' },
    },
    only('rtp-imports-itself', '^src/media/rtp/', '^src/media/rtp/'),
    only('chance-imports-itself', '^src/media/chance/', '^src/media/chance/'),
    only('endpoint-imports', '^src/media/endpoint/', '^src/media/(endpoint/|rtp/|chance/|io/io\\.ts|control\\.ts)'),
    only('forward-imports', '^src/media/forward/', '^src/media/(forward/|rtp/|chance/|io/io\\.ts|control\\.ts)'),
    only('capture-imports', '^src/media/capture/', '^src/media/(capture/|forward/outbox.ts|io/io.ts|control.ts)'),
    only('io-imports', '^src/media/io/', '^src/media/(io|chance)/'),
    only('media-imports-nothing-above', '^src/media/', '^src/media/'),
    only(
      'pool-imports',
      '^src/media/(pool|worker-process)',
      '^src/media/(control|pool-types|pool-mirrors|pool-observer|pooled-endpoint|worker-process|worker-choice|message-batch)\\.ts',
    ),
    only('janus-imports-itself', '^src/janus/', '^src/janus/'),
    only('jsep-imports', '^src/jsep/', '^src/(jsep/|media/control\\.ts)'),
    only(
      'sfu-imports',
      '^src/sfu/',
      '^src/(sfu/|janus/(plugin|handle-info)\\.ts|jsep/|media/(pool-types|control)\\.ts)',
    ),
    only(
      'load-imports',
      '^src/load/',
      '^src/(load/|config/kinds\\.ts|media/(io/(io|binding)|control)\\.ts|media/(rtp|endpoint)/)',
    ),
    only('observe-imports-itself', '^src/observe/', '^src/observe/'),
    only('config-imports-itself', '^src/config/', '^src/config/'),
    only(
      'parts-get-settings-as-arguments',
      '^src/(?!config/|cli/|load/flags\\.ts|server/|server\\.ts|server-events\\.ts|main\\.ts|index\\.ts)',
      '^(?!src/(config|cli|server)/)',
    ),
    only('client-imports-types', '^client/', '^(client/|src/sfu/messages/|src/janus/requests/)'),
    {
      name: 'client-takes-types-only',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^src/', dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.server.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
}
