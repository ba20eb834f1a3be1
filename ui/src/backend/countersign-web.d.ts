// The device's module (crates/web), as `make web` builds it.
declare module "countersign-web" {
  import type { DeviceModule } from "./web";
  const init: DeviceModule["default"];
  export default init;
  export const WebApp: DeviceModule["WebApp"];
}
