// `Backend` over Tauri. The only file that imports it.

import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";

import type { Backend } from "./backend";
import type { Snapshot } from "./types";

export const tauri: Backend = {
  here: "computer",
  snapshot: () => invoke("snapshot"),
  watch: (listener) => listen<Snapshot>("snapshot", (event) => listener(event.payload)),
  preview: (link) => invoke("preview", { link }),
  enroll: (pin, deviceName) => invoke("enroll", { pin, device_name: deviceName }),
  forgetLink: () => invoke("forget_link"),
  shown: (challengeId) => invoke("shown", { challenge_id: challengeId }),
  answer: ({ challengeId, displayHash, decision, pin, number }) =>
    invoke("answer", { challenge_id: challengeId, display_hash: displayHash, decision, pin, number }),
  checkNow: () => invoke("check_now"),
  activity: () => invoke("activity"),
  dispute: (challengeId) => invoke("dispute", { challenge_id: challengeId }),
  saveEvidence: (challengeId) => invoke("save_evidence", { challenge_id: challengeId }),
  setAppearance: (appearance) => invoke("set_appearance", { appearance }),
};
