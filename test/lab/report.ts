/** Prints what each scene shows, counts it, and never hides a failure. */
export class Report {
  private passed = 0;
  private failures: string[] = [];
  private current = '';
  private failuresBefore = 0;

  scene(title: string): void {
    this.current = title;
    this.failuresBefore = this.failures.length;
    console.log(`\n== ${title}`);
  }

  get sceneFailed(): boolean {
    return this.failures.length > this.failuresBefore;
  }

  note(text: string): void {
    console.log(`   ${text}`);
  }

  /** One proposition. `detail`: what was measured, or what was seen instead. */
  check(proposition: string, holds: boolean, detail = ''): void {
    if (holds) this.passed++;
    else this.failures.push(`${this.current}: ${proposition}`);
    console.log(`${holds ? 'PASS' : 'FAIL'} ${proposition}${detail === '' ? '' : ` — ${detail}`}`);
  }

  equal(proposition: string, actual: unknown, expected: unknown, detail = ''): void {
    const [seen, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
    const holds = seen === wanted;
    this.check(proposition, holds, holds ? detail : `expected ${wanted}, saw ${seen}`);
  }

  /** A measured time against the promise. */
  within(proposition: string, milliseconds: number, limit: number): void {
    this.check(proposition, milliseconds <= limit, `${milliseconds} ms, at most ${limit} ms`);
  }

  /** The last line is for machines; true when nothing failed. */
  finish(seconds: number): boolean {
    console.log(`\nthe lab took ${seconds.toFixed(1)} s`);
    for (const failure of this.failures) console.log(`failed: ${failure}`);
    console.log(`${this.passed} passed, ${this.failures.length} failed`);
    return this.failures.length === 0 && this.passed > 0;
  }
}
