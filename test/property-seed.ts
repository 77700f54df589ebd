import { configureGlobal } from 'fast-check';

/** Property tests draw new cases on every run; in CI always the same, so that a red run means the change and not the draw. */
if (process.env['CI']) configureGlobal({ seed: 20_261_123 });
