export { ProgramFailed, runProgram, type Program, type ProgramEnd } from './program.js';
