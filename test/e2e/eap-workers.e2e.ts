import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from '../conformance/bed.js';
import { EapMaterial, forTls } from '../conformance/eap.js';
import { mab, pump, type Switch } from '../conformance/switch.js';
import { accessRequest, code } from '../conformance/wire.js';

describe('workers of 802.1X', () => {
  let bed: TestBed;
  let nas: Switch;
  let material: EapMaterial;

  beforeAll(async () => {
    material = await EapMaterial.create();
    bed = await TestBed.start({ files: material.files() });
    nas = await bed.switchAt();
  });

  afterAll(async () => {
    await bed?.stop();
    material?.remove();
  });

  const metric = async (name: string): Promise<number> => {
    const page = await (await fetch(`${bed.bridge.http}/metrics`)).text();
    return Number(new RegExp(`^cordon_bridge_eap_worker_${name}(?:\\{.*\\})? (\\d+)$`, 'm').exec(page)?.[1]);
  };

  it('one that hangs is killed and started again: its conversations fail, MAC authentication goes on', async () => {
    const before = await metric('restarts_total');
    const request = await forTls(nas);
    bed.signalWorkers('SIGSTOP');
    await nas.send(request);
    expect((await nas.ask(accessRequest(secret, mab(pump)))).code).toBe(code.accessAccept);
    // Its turn comes after that of the MAC, and it waits from then on.
    await bed.until(async () => (await metric('backlog')) === 1, 'the worker is asked');
    bed.moveClock(31);
    expect(nas.prove(request, (await nas.next()).bytes).code).toBe(code.accessReject);
    await bed.until(async () => (await metric('restarts_total')) === before + 1, 'the worker is started again');
    const next = await forTls(nas);
    await bed.until(async () => (await nas.exchange(next)).length > 0, 'the new worker answers');
  });
});
