// Reads QR codes from the camera: by the browser's own detector where it has one, else by one that is loaded for it.

export type CameraProblem = "refused" | "absent" | "busy";

interface Detector {
  detect(image: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

declare global {
  // Of the Shape Detection API, which few browsers have.
  var BarcodeDetector:
    { new (options: { formats: string[] }): Detector; getSupportedFormats(): Promise<string[]> } | undefined;
}

/** Milliseconds between two looks: a code is held still for longer. */
const PAUSE_MS = 150;
/** Edge of the square that the loaded detector looks at, in pixels. */
const EDGE = 640;

/** Why there is no picture, by the exception's name (Media Capture and Streams §10.2). */
export function cameraProblem(thrown: unknown): CameraProblem {
  const what = thrown instanceof DOMException ? thrown.name : "";
  if (what === "NotAllowedError" || what === "SecurityError") return "refused";
  // Another program has it, or the system can't start it.
  if (what === "NotReadableError" || what === "AbortError") return "busy";
  return "absent";
}

async function detector(): Promise<Detector> {
  const formats = await globalThis.BarcodeDetector?.getSupportedFormats().catch((): string[] => []);
  if (globalThis.BarcodeDetector && formats?.includes("qr_code")) {
    return new globalThis.BarcodeDetector({ formats: ["qr_code"] });
  }
  const { default: decodeQR } = await import("qr/decode.js");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = EDGE;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return {
    async detect(video) {
      const edge = Math.min(video.videoWidth, video.videoHeight);
      if (!context || !edge) return [];
      const [x, y] = [(video.videoWidth - edge) / 2, (video.videoHeight - edge) / 2];
      context.drawImage(video, x, y, edge, edge, 0, 0, EDGE, EDGE);
      try {
        return [{ rawValue: decodeQR(context.getImageData(0, 0, EDGE, EDGE)) }];
      } catch {
        // No code in this picture.
        return [];
      }
    },
  };
}

/**
 * Shows the camera in `video` and calls `found` with each code that it sees, until the returned function is called: then the camera is
 * off. Rejected with what `getUserMedia` throws, or where a detector did not load.
 */
export async function scan(video: HTMLVideoElement, found: (text: string) => void): Promise<() => void> {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices?.getUserMedia) throw new DOMException("no camera", "NotFoundError");
  const stream = await devices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  const off = () => stream.getTracks().forEach((track) => track.stop());
  try {
    const reader = await detector();
    video.srcObject = stream;
    await video.play();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const look = async () => {
      const codes = await reader.detect(video).catch(() => []);
      if (stopped) return;
      for (const { rawValue } of codes) if (rawValue) found(rawValue);
      timer = setTimeout(look, PAUSE_MS);
    };
    void look();
    return () => {
      stopped = true;
      clearTimeout(timer);
      video.srcObject = null;
      off();
    };
  } catch (thrown) {
    off();
    throw thrown;
  }
}
