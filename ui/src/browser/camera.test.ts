import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { cameraProblem, scan } from "./camera";

class Track {
  stopped = false;
  stop = () => void (this.stopped = true);
}

let track: Track;
const video = document.createElement("video");

beforeEach(() => {
  vi.useFakeTimers();
  track = new Track();
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue(undefined);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function withCamera(getUserMedia: () => Promise<unknown>) {
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
}

function withDetector(codes: () => { rawValue: string }[]) {
  class Detector {
    static getSupportedFormats = async () => ["qr_code"];
    detect = async () => codes();
  }
  vi.stubGlobal("BarcodeDetector", Detector);
}

it("tells of each code that it sees, and turns the camera off when it is left", async () => {
  withCamera(async () => ({ getTracks: () => [track] }));
  let seen: { rawValue: string }[] = [];
  withDetector(() => seen);
  const found = vi.fn();
  const off = await scan(video, found);
  await vi.advanceTimersByTimeAsync(200);
  expect(found).not.toHaveBeenCalled();
  seen = [{ rawValue: "https://id.acme.example/push/enroll#a" }];
  await vi.advanceTimersByTimeAsync(200);
  expect(found).toHaveBeenLastCalledWith("https://id.acme.example/push/enroll#a");
  off();
  found.mockClear();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(track.stopped).toBe(true);
  expect(found).not.toHaveBeenCalled();
});

it("turns the camera off where the picture can’t be shown", async () => {
  withCamera(async () => ({ getTracks: () => [track] }));
  withDetector(() => []);
  vi.spyOn(HTMLMediaElement.prototype, "play").mockRejectedValue(new DOMException("", "AbortError"));
  await expect(scan(video, vi.fn())).rejects.toThrow();
  expect(track.stopped).toBe(true);
});

it.each([
  ["NotAllowedError", "refused"],
  ["SecurityError", "refused"],
  ["NotReadableError", "busy"],
  ["NotFoundError", "absent"],
  ["OverconstrainedError", "absent"],
])("%s: the camera is %s", async (exception, problem) => {
  withCamera(() => Promise.reject(new DOMException("", exception)));
  expect(cameraProblem(await scan(video, vi.fn()).catch((thrown: unknown) => thrown))).toBe(problem);
});

it("finds no camera where a browser gives none", async () => {
  vi.stubGlobal("navigator", {});
  expect(cameraProblem(await scan(video, vi.fn()).catch((thrown: unknown) => thrown))).toBe("absent");
});
