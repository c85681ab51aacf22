import { cloudClientSuite } from '../../adapter/cloud-client/cloud-client-suite.ts'
import { FakeClock } from '../../fakes/clock.ts'
import { FakeCloud } from '../../fakes/cloud.ts'

cloudClientSuite('the cloud in memory', async () => {
  const cloud = new FakeCloud({ account: 'acme', device: 'dev-1', realm: 'zipkey.test' }, new FakeClock())
  const deviceClock = new FakeClock()
  return { cloud, deviceClock, client: cloud.client(deviceClock) }
})
