import { serviceManagerSuite } from '../../adapter/host/service-manager-suite.ts'
import { createFakeServiceManager } from '../../fakes/service-manager.ts'

serviceManagerSuite('the service manager of a test', async () => {
  const service = createFakeServiceManager(1_000)
  return { service, told: async () => service.told }
})
