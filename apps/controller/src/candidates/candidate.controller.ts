import { Body, Controller, Delete, Get, HttpCode, Inject, Put, Query } from '@nestjs/common';
import type { Clock, Diagnostic } from '#base';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { DeniedFlowStore } from '../denied/denied-flow-store.js';
import { reasonField } from '../devices/device-fields.js';
import { EnforcementLoop, type PointWatch } from '../enforcement/enforcement-loop.js';
import { ApiRoute } from '../http/openapi.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import { SeenFlowStore } from '../seen/seen-flow-store.js';
import type { CandidateRow } from '../store/rows.js';
import { Turns } from '../turns.js';
import { clockToken } from '../wiring.js';
import { CandidateLoop } from './candidate-loop.js';
import { CandidateReporter, type CandidateReport } from './candidate-report.js';
import { CandidateStore } from './candidate-store.js';

const order = z.strictObject({
  branch: z.string().min(1).max(200),
  until: z.iso.datetime({ offset: true }).optional(),
  reason: reasonField.optional(),
});
const ending = z.strictObject({ reason: reasonField.optional() });
const reportQuery = z.strictObject({
  since: z.iso.datetime({ offset: true }).optional(),
  class: z.string().min(1).max(128).optional(),
});

/** What a branch in audit is, without its files. */
type BranchView = Omit<CandidateRow, 'files'>;

interface CandidateView {
  /** `lines`: those under audit/ in the policy in force. Null: nothing is in audit. */
  readonly kind: 'branch' | 'lines' | null;
  readonly branch: BranchView | null;
  /** Of what is judged now; null: there is nothing, or it does not compile. */
  readonly candidate: { readonly digest: string; readonly lines: number } | null;
  readonly diagnostics: readonly Diagnostic[];
  /** Which enforcement points tell of connections that pass and would not, and why others don't. */
  readonly points: readonly PointWatch[];
  /** The branch that was in audit last. */
  readonly last: BranchView | null;
}

interface Report extends CandidateReport {
  readonly since: string;
  /** False: there were more flows than are asked about; those with most packets were. */
  readonly complete: boolean;
}

const week = 604_800_000;
/** Of each kind, those with most packets. */
const mostAsked = 5000;
const askedAtOnce = 500;

@Controller('api/v1/policy/candidate')
export class CandidateController {
  constructor(
    @Inject(CandidateLoop) private readonly loop: CandidateLoop,
    @Inject(CandidateStore) private readonly store: CandidateStore,
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
    @Inject(EnforcementLoop) private readonly enforcement: EnforcementLoop,
    @Inject(DeniedFlowStore) private readonly denied: DeniedFlowStore,
    @Inject(SeenFlowStore) private readonly seen: SeenFlowStore,
    @Inject(Turns) private readonly turns: Turns,
    @Inject(clockToken) private readonly clock: Clock,
  ) {}

  @Get()
  @Allow('policy', 'read')
  @ApiRoute({
    summary: 'The policy in audit: a branch, or the lines under audit/; who watches it, what is wrong with it',
  })
  async status(): Promise<CandidateView> {
    const { active, branch, diagnostics } = this.loop;
    const last = await this.store.last();
    const lines = active?.snapshot.flowRules.filter(({ file }) => file.startsWith('audit/')).length ?? 0;
    const hasLines = active !== null || diagnostics.length > 0;
    return {
      kind: branch ? 'branch' : hasLines ? 'lines' : null,
      branch: branch && viewOf(branch),
      candidate: active && { digest: active.snapshot.digest, lines },
      diagnostics,
      points: active ? this.enforcement.watching() : [],
      last: last && viewOf(last),
    };
  }

  @Put()
  @Allow('policy', 'write')
  @ApiRoute({ summary: 'Put a branch of the policy repository in audit, in place of another one', body: order })
  async start(
    @Actor() actor: string,
    @Body(new ZodPipe(order)) { branch, until, reason }: z.infer<typeof order>,
  ): Promise<CandidateView> {
    const at = until === undefined ? null : new Date(until);
    await this.loop.startBranch({ branch, until: at, reason: reason ?? null }, actor);
    return this.status();
  }

  @Delete()
  @HttpCode(204)
  @Allow('policy', 'write')
  @ApiRoute({ summary: 'End the audit of the branch', query: ending, status: 204 })
  async stop(@Actor() actor: string, @Query(new ZodPipe(ending)) { reason }: z.infer<typeof ending>): Promise<void> {
    if (!(await this.loop.stopBranch(reason ?? null, actor)))
      throw new Refusal('not-found', 'no branch is in audit; lines under audit/ are ended by a commit');
  }

  @Get('report')
  @Allow('flows', 'read')
  @ApiRoute({
    summary: 'What the candidate would break of what was seen to pass, and allow of what was denied, since then',
    query: reportQuery,
  })
  async report(@Query(new ZodPipe(reportQuery)) { since, class: name }: z.infer<typeof reportQuery>): Promise<Report> {
    const inForce = this.policy.active?.snapshot;
    const { active } = this.loop;
    if (!inForce || !active)
      throw new Refusal('conflict', 'there is no candidate to compare with: see GET /api/v1/policy/candidate');
    const from = since ? new Date(since) : new Date(this.clock.now().getTime() - week);
    const reporter = new CandidateReporter({
      inForce,
      candidate: active.snapshot,
      classAt: (point, address) => this.enforcement.classAt(point, address),
    });
    const query = { since: from, class: name, limit: mostAsked };
    let isComplete = true;
    for (const told of ['seen', 'denied'] as const) {
      const totals = await this[told].totals(query);
      if (totals.length === mostAsked) isComplete = false;
      for (const [i, total] of totals.entries()) {
        if (i % askedAtOnce === 0) await this.turns.take();
        reporter.take(told, total);
      }
    }
    return { since: from.toISOString(), complete: isComplete, ...reporter.report() };
  }
}

const viewOf = ({ files: _, ...view }: CandidateRow): BranchView => view;
