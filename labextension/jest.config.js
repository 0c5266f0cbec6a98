/** Packages of JupyterLab are ES modules, which jest has to translate. */
const modules = [
  '@jupyterlab',
  '@jupyter',
  '@lumino',
  '@microsoft',
  'lib0',
  'y-protocols',
  'yjs',
  'exenv-es6',
  'nanoid'
];

module.exports = {
  preset: 'ts-jest/presets/js-with-ts',
  testEnvironment: 'jsdom',
  setupFiles: ['<rootDir>/tests/jsdom.js'],
  testMatch: ['<rootDir>/tests/**/*.spec.ts?(x)'],
  moduleNameMapper: { '\\.(css|svg)$': '<rootDir>/tests/asset.js' },
  transform: {
    '\\.[jt]sx?$': ['ts-jest', { tsconfig: 'tests/tsconfig.json', diagnostics: false }]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${modules.join('|')}))`]
};
