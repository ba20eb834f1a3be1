// The page's service worker: registered under Trusted Types, for the one address that the policy allows.

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL: (url: string) => string };
}

const SCRIPT = "sw.js";

/** The worker of this page; `undefined` where the browser has none (some private windows, an app's own browser). */
export function serviceWorker(): Promise<ServiceWorkerRegistration> | undefined {
  return (registration ??= registered());
}

let registration: Promise<ServiceWorkerRegistration> | undefined;

function registered(): Promise<ServiceWorkerRegistration> | undefined {
  if (!("serviceWorker" in navigator)) return undefined;
  const page = new URL(".", location.href);
  const script = new URL(SCRIPT, page).href;
  const register = navigator.serviceWorker.register(trusted(script), { scope: page.pathname, updateViaCache: "none" });
  register.catch(() => (registration = undefined));
  return register;
}

/** As the browser's Trusted Types ask, where it has them. */
function trusted(script: string): string {
  const types = (window as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (!types) return script;
  policy ??= types.createPolicy("countersign", {
    createScriptURL: (url) => {
      if (url !== new URL(SCRIPT, new URL(".", location.href)).href) throw new TypeError("no script of this page");
      return url;
    },
  });
  return policy.createScriptURL(script);
}

let policy: ReturnType<TrustedTypes["createPolicy"]> | undefined;
