import { describe, expect, it } from 'vitest';
import { decodePacket, type Packet } from '../packet.js';
import { Secret } from '../secret.js';
import { verifyReply, verifySignedRequest } from '../verify.js';
import { formatGolden, goldenAuthenticator, goldenPackets, goldenSecret, readGolden } from '../spec/golden-packets.js';
import { nasProfile, nasProfileNames } from './registry.js';

/* A change of these files is a change of what switches are told: it is reviewed line by line. `vitest -u` writes them. */
describe.each(nasProfileNames)('packets of profile `%s`', (name) => {
  const packets = goldenPackets(nasProfile(name)!);

  it('are the bytes that they were', async () => {
    await expect(formatGolden(packets)).toMatchFileSnapshot(`testdata/${name}.txt`);
  });

  it('are signed, and come back from the file as they went in', () => {
    const secret = new Secret(goldenSecret);
    const found = readGolden(formatGolden(packets));
    expect(found.map(({ bytes }) => bytes)).toEqual(packets.flatMap(({ bytes }) => bytes ?? []));
    for (const { bytes } of found) {
      const packet = decodePacket(bytes) as Packet;
      const verdict =
        packet.code < 40 ? verifyReply(packet, goldenAuthenticator, secret) : verifySignedRequest(packet, secret);
      expect(verdict).toBe('valid');
    }
  });
});
