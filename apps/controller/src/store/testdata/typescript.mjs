// Lets a child process of a test run our TypeScript sources: `node --import ./typescript.mjs writer.ts`.
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import typescript from 'typescript';

const { ModuleKind, ScriptTarget } = typescript;
const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2024, experimentalDecorators: true };

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('.') && context.parentURL?.endsWith('.ts')) {
      const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
      if (existsSync(url)) return { url: url.href, format: 'module', shortCircuit: true };
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    if (!url.endsWith('.ts')) return next(url, context);
    const text = readFileSync(fileURLToPath(url), 'utf8');
    const source = typescript.transpileModule(text, { compilerOptions }).outputText;
    return { source, format: 'module', shortCircuit: true };
  },
});
