// The device's module (crates/web), as `make web` builds it: what the worker uses of it.
declare module "countersign-web" {
  import type { WorkerModule } from "../backend/workerMessages";
  const init: WorkerModule["default"];
  export default init;
  export const WokenDevice: WorkerModule["WokenDevice"];
}
