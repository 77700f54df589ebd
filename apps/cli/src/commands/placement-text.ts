import type { PlacedDevice, PlacementAnswer } from '../history-answers.js';
import { bold, green, red, yellow } from '../output.js';
import { shown } from '../table.js';
import { formatTime, formatTimeWithOffset } from '../times.js';
import { describeCommit } from './history-text.js';

/** Why a port had what it had, one paragraph per device. */
export function describePlacement({ at, devices }: PlacementAnswer, subject: string): string {
  const when = `At ${formatTimeWithOffset(at)}`;
  if (devices.length === 0) return `${when} nothing is known of ${subject}: no record from before is stored.`;
  return devices.map((device) => [`${when} ${describeState(device)}.`, ...because(device)].join(' ')).join('\n\n');
}

function describeState(device: PlacedDevice): string {
  const { mac, nas, nasPort, state, since, segment, vlan, reason } = device;
  const who = bold(shown(mac));
  const where = `port ${shown(nasPort)} of ${shown(nas)}`;
  switch (state) {
    case 'placed':
      return `${who} was on ${where} in segment ${green(`${shown(segment)}${vlan === null ? '' : `, VLAN ${vlan}`}`)}, since ${formatTime(since)}`;
    case 'rejected':
      return `${who} was ${red('rejected')} on ${where}, since ${formatTime(since)}: ${shown(reason)}`;
    case 'gone':
      break;
  }
  return `nobody was on ${where}: the session of ${who} ended ${formatTime(since)}, ${yellow(shown(reason))}`;
}

/** The sentences that lead from the port to a line of policy and to who wrote it. */
function because(device: PlacedDevice): string[] {
  const { state, by, method, decisionId, class: name, posture, site, rule, policy } = device;
  const how = by === 'coa' ? 'The switch was told by CoA' : `It authenticated${method === null ? '' : ` by ${method}`}`;
  const decision = decisionId === null ? '' : ` (decision ${decisionId})`;
  const sentences: string[] = [];
  if (state === 'placed' && name !== null)
    sentences.push(`${how}${decision}, as ${shown(name)}, ${posture}, at ${shown(site)}.`);
  if (state === 'rejected') sentences.push(`That was decision ${decisionId}.`);
  if (rule) sentences.push(describeRule(rule));
  if (policy) {
    const inForce = `in force since ${formatTime(policy.inForceAt)}`;
    sentences.push(`The policy was that of commit ${describeCommit(policy)}, ${inForce}.`);
  }
  if (state !== 'gone') sentences.push(...describeRecord(device));
  return sentences;
}

function describeRule({ file, line, origin }: NonNullable<PlacedDevice['rule']>): string {
  const place = bold(`${shown(file)}:${line}`);
  if (!origin) return `Rule ${place} says so.`;
  return `Rule ${place} says so: \`${shown(origin.text)}\`, written ${formatTime(origin.at)} in ${describeCommit({ ...origin, message: origin.summary })}.`;
}

function describeRecord({ classSetBy, postureSetBy }: PlacedDevice): string[] {
  if (!classSetBy) return ['The registry had no record of the device.'];
  const sentence = (what: string, { at, actor, action, reason }: typeof classSetBy): string =>
    `${what} by ${shown(actor)}, ${formatTime(at)} (${action})${reason ? `: ${shown(reason)}` : ''}.`;
  const of = ({ after }: typeof classSetBy, field: string): string => {
    const value = after?.[field];
    return typeof value === 'string' ? shown(value) : 'none';
  };
  const sentences = [sentence(`Class ${of(classSetBy, 'class')} was given`, classSetBy)];
  if (postureSetBy && postureSetBy.at !== classSetBy.at)
    sentences.push(sentence(`Posture ${of(postureSetBy, 'posture')} was set`, postureSetBy));
  return sentences;
}
