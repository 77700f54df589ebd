import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from '../conformance/bed.js';
import { answerTo, eapCode, eapIn, EapMaterial, identity } from '../conformance/eap.js';
import { mab, pump, type Switch } from '../conformance/switch.js';
import { accessRequest, code, split, type } from '../conformance/wire.js';

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

  /** What a worker has to look at. */
  const forTls = async (): Promise<Buffer> => {
    const start = await nas.ask(accessRequest(secret, [...mab(), ...split(type.eapMessage, identity())]));
    const noHello = Buffer.from([eapCode.response, eapIn(start).id, 0, 12, 13, 0, 22, 3, 1, 0, 1, 0]);
    return accessRequest(secret, [...mab(), ...answerTo(start, noHello)]);
  };

  const restarts = async (): Promise<number> => {
    const page = await (await fetch(`${bed.bridge.http}/metrics`)).text();
    return Number(/^cordon_bridge_eap_worker_restarts_total (\d+)$/m.exec(page)?.[1]);
  };

  it('one that hangs is killed and started again: its conversations fail, MAC authentication goes on', async () => {
    const before = await restarts();
    const request = await forTls();
    bed.signalWorkers('SIGSTOP');
    await nas.send(request);
    expect((await nas.ask(accessRequest(secret, mab(pump)))).code).toBe(code.accessAccept);
    bed.moveClock(31);
    expect(nas.prove(request, (await nas.next()).bytes).code).toBe(code.accessReject);
    await bed.until(async () => (await restarts()) === before + 1, 'the worker is started again');
    const next = await forTls();
    await bed.until(async () => (await nas.exchange(next)).length > 0, 'the new worker answers');
  });
});
