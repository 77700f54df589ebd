import { Body, Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { Proposals, type ProposalAnswer } from './proposals.js';

const newProposal = z.strictObject({
  title: z
    .string()
    .trim()
    .regex(/^\P{Cc}{1,200}$/u, 'must be one line of at most 200 characters'),
  description: z.string().max(10_000).default(''),
  branch: z
    .string()
    .max(120)
    .regex(/^proposal\/\w[\w-]*(\.\w[\w-]*)*(\/\w[\w-]*(\.\w[\w-]*)*)*$/, 'must be `proposal/` and a name')
    .refine((name) => !/\.lock(\/|$)/.test(name), 'may not end in `.lock`')
    .optional(),
  files: z.array(z.strictObject({ path: z.string().min(1), content: z.string().nullable() })).min(1),
  base: z
    .string()
    .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, 'must be the whole id of a commit')
    .optional(),
});

@Controller('api/v1/policy/proposals')
export class ProposalsController {
  constructor(@Inject(Proposals) private readonly proposals: Proposals) {}

  @Post()
  @Allow('policy', 'write')
  @ApiRoute({
    summary:
      'Propose a change of policy: a branch, a commit and, where the forge is known, a pull request; answers with the plan. Changes nothing that is in force',
    body: newProposal,
    status: 201,
  })
  propose(
    @Actor() actor: string,
    @Body(new ZodPipe(newProposal)) { branch, base, ...proposal }: z.infer<typeof newProposal>,
  ): Promise<ProposalAnswer> {
    return this.proposals.propose({ ...proposal, branch: branch ?? null, base: base ?? null }, actor);
  }
}
