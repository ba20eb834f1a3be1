// German; see en.ts.

import type { Here } from "../../backend/backend";
import type { PendingRequest } from "../../backend/types";
import type { BrowserWords } from "./en";

export const german = (here: Here): BrowserWords => {
  const phone = here === "phone";
  const asks = phone ? "Finger oder Gesicht" : "Finger, Gesicht oder PIN";
  const your = phone ? "Ihr Handy" : "Ihr Computer";
  const kind: Record<PendingRequest["kind"], string> = {
    login: "diese Anmeldung",
    payment: "diese Zahlung",
    consent: "diese Zustimmung",
    device: "dieses neue Handy oder diesen neuen Computer",
    other: "diese Anfrage",
  };
  return {
    starting: {
      link: "Dieser Link wird geprüft …",
      accounts: "Ihre Konten werden geöffnet …",
      slow: "Die Leitung ist langsam. Einen Augenblick noch.",
      progress: "Wird geladen",
    },

    notLoaded: {
      title: "Diese Seite wurde nicht ganz geladen",
      lead: "Prüfen Sie das Netz und versuchen Sie es noch einmal. Nichts wurde gesendet.",
      link: "Ihr Link gilt noch.",
      again: "Noch einmal versuchen",
    },

    elsewhere: {
      title: {
        android: "Öffnen Sie das in Chrome",
        ios: "Öffnen Sie das in Safari",
        other: "Öffnen Sie das in Ihrem Browser",
      },
      lead: "Eine App zeigt diese Seite. Sie kann nicht nach Ihrer Displaysperre fragen. Ihr Link gilt dort noch.",
      bare: "Eine App zeigt diese Seite. Sie kann nicht nach Ihrer Displaysperre fragen.",
      open: { android: "In Chrome öffnen", ios: "In Safari öffnen", other: "Im Browser öffnen" },
      nothing: {
        android: "Wenn nichts geschieht, kopieren Sie den Link und fügen Sie ihn in Chrome ein.",
        ios: "Wenn nichts geschieht, kopieren Sie den Link und fügen Sie ihn in Safari ein.",
        other: "Kopieren Sie den Link und fügen Sie ihn in Ihren Browser ein.",
      },
      copy: "Link kopieren",
      copied: "Kopiert. Er ist geheim: Geben Sie ihn niemandem.",
      notCopied: "Er ließ sich nicht kopieren. Drücken Sie lange auf den Link.",
      show: "Link und QR-Code zeigen",
      code: "QR-Code des Links",
      stay: "Hier weitermachen, mit einer PIN",
    },

    noLock: {
      title: phone ? "Dieses Handy hat keine Displaysperre" : "Dieser Computer hat keine Bildschirmsperre",
      lead: `Richten Sie in den Einstellungen eine ein und prüfen Sie noch einmal. Oder wählen Sie eine PIN für diese Seite.`,
      check: "Noch einmal prüfen",
      pin: "PIN wählen",
      still: "Es ist noch keine da. Manchmal hilft ein Augenblick Warten oder ein Neustart.",
    },

    forgets:
      "Dieser Browser vergisst diese Seite bald, wie ein privates Fenster. Öffnen Sie den Link in einem gewöhnlichen Fenster.",

    linkLost:
      "Die Seite wurde neu geladen. Der Link ist geheim und darum vergessen. Scannen oder öffnen Sie ihn noch einmal; gilt er nicht mehr, bitten Sie um einen neuen.",

    otherHost: (host: string) => `Dieser Link gehört zu ${host}. Öffnen Sie ihn im Browser, nicht auf dieser Seite.`,

    welcome: {
      /** By a passkey that the person has for this page already. */
      resume: here === "phone" ? "Auf diesem Handy weitermachen" : "Auf diesem Computer weitermachen",
      code: "Ich habe einen QR-Code",
      newPhone: phone ? "Ich habe ein neues Handy" : "Ich habe einen neuen Computer",
    },

    scan: {
      title: "Halten Sie den Code vor die Kamera",
      lead: "Die Kamera ist an, solange das hier offen ist. Nichts wird aufgenommen.",
      picture: "Was die Kamera sieht",
      again: "Noch einmal versuchen",
      paste: "Link einfügen",
      problem: {
        refused:
          "Die Kamera ist hier nicht erlaubt. Erlauben Sie sie in den Einstellungen dieser Seite, oder fügen Sie den Link ein.",
        absent: "Es gibt keine Kamera, die diese Seite benutzen kann. Fügen Sie stattdessen den Link ein.",
        busy: "Ein anderes Programm benutzt die Kamera. Schließen Sie es und versuchen Sie es noch einmal, oder fügen Sie den Link ein.",
      },
      noLink: "Das ist ein anderer Code, kein Einrichtungslink.",
      otherHost: (host: string) =>
        `Dieser Code gehört zu ${host}. Scannen Sie ihn mit der Kamera-App, nicht auf dieser Seite.`,
    },

    newPhone: {
      title: phone ? "Ein neues Handy" : "Ein neuer Computer",
      steps: [
        "Bitten Sie dort um einen neuen Einrichtungslink, wo Sie den ersten bekommen haben.",
        phone
          ? "Scannen oder öffnen Sie ihn hier. Dieses Handy bekommt einen eigenen Schlüssel; der alte lässt sich nicht kopieren."
          : "Scannen oder öffnen Sie ihn hier. Dieser Computer bekommt einen eigenen Schlüssel; der alte lässt sich nicht kopieren.",
        "Lassen Sie dort danach das alte entfernen, vor allem wenn es verloren ist.",
      ],
      scan: "Code scannen",
    },

    diagnostics: {
      title: "Was dieser Browser kann",
      lead: "Kopieren Sie das und schicken Sie es dem, der Ihnen hilft. Es steht kein Geheimnis und kein Name darin.",
      copy: "Kopieren",
      copied: "Kopiert.",
      notCopied: "Es ließ sich nicht kopieren. Markieren Sie die Zeilen und kopieren Sie sie.",
    },

    sheet: {
      setUp: `${your} fragt jetzt nach ${asks}. Es heißt dort „Passkey“; es gilt nur Ihren Freigaben auf dieser Seite.`,
      approve: (what: string, amount: string | undefined) =>
        `Wenn Sie freigeben, fragt ${your} nach ${asks}. Es heißt dort „Passkey“ oder „Anmelden“; es gilt nur für ${what}${amount ? ` über ${amount}` : ""}.`,
      kind,
    },
  };
};
