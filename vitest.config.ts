import { defineConfig } from 'vitest/config';

/**
 * Libraries are imported by `#name`; the condition makes tests run their TypeScript sources, not the last build. Workers
 * get the list as Node's own --conditions, so `import` must not be in it: `require` would then load ES modules.
 */
const conditions = ['cordon-source', 'node', 'module', 'default'];
const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['cordon-source', 'node'] } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          setupFiles: ['test/property-seed.ts'],
          include: [
            'libs/**/*.spec.ts',
            'apps/**/*.spec.ts',
            'test/*.spec.ts',
            'test/{bench,chaos,conformance,fuzz,mutation,soak}/**/*.spec.ts',
          ],
          testTimeout: 30_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'e2e',
          include: ['test/{conformance,e2e}/**/*.e2e.ts'],
          globalSetup: ['test/e2e/build.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
