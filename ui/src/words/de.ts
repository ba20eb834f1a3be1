// German; see en.ts.

import type { Here } from "../backend/backend";
import { TRIES_TOLD, type Words } from "./en";

const tries = (count: number) => (count === 1 ? "Ein Versuch bleibt" : `${count} Versuche bleiben`);

/** What the page runs on, by case; `on`: with its preposition. */
const HERE: Record<Here, { is: string; of: string; to: string; what: string }> = {
  computer: { is: "dieser Computer", of: "dieses Computers", to: "diesem Computer", what: "diesen Computer" },
  phone: { is: "dieses Handy", of: "dieses Handys", to: "diesem Handy", what: "dieses Handy" },
};

const SOMEBODY = "dort nach, wo Ihr Konto ist";

export const german = (here: Here): Words => {
  const device = HERE[here];
  const Device = device.is.replace("d", "D");
  return {
    app: "Countersign",
    nav: { requests: "Anfragen", accounts: "Konten", activity: "Verlauf", settings: "Optionen", label: "Hauptbereich" },
    back: "Zurück",
    cancel: "Abbrechen",
    continue: "Weiter",
    done: "Fertig",
    starting: "Ihre Konten werden geöffnet …",
    checking: "Wird geprüft …",

    trouble: {
      title: "Ihre Konten lassen sich nicht öffnen",
      home_in_use:
        "Sie sind schon in einem anderen Fenster oder Programm offen. Schließen Sie das und öffnen Sie dieses noch einmal.",
      store_newer:
        "Ihre Konten hat eine neuere Version dieses Programms geschrieben. Bringen Sie es auf den neuen Stand. Nichts wurde verändert.",
      other:
        "Ihre Konten ließen sich nicht öffnen. Nichts wurde verändert oder entfernt. Schließen Sie dieses Fenster und öffnen Sie es noch einmal.",
      details: "Was das Programm sagt",
    },

    welcome: {
      title: "Geben Sie frei, was man von Ihnen möchte",
      lead: "Sie sehen, wer fragt, wofür und wie viel, und antworten hier.",
      how: "Sie brauchen einen Einrichtungslink.",
      have: "Ich habe einen Link",
      whence: "Ihre Bank, Ihre Firma oder ein Geschäft zeigt den Link, überall, wo Sie ein Konto haben.",
    },

    link: {
      title: "Konto hinzufügen",
      label: "Einrichtungslink",
      help: "Fügen Sie ihn hier ein. Er gilt einmal, zehn Minuten lang.",
      checking: "Es wird geprüft, wer diesen Link gemacht hat …",
      waiting: "Ein Link ist angekommen.",
    },

    preview: {
      title: here === "phone" ? "Dieses Handy einrichten?" : "Diesen Computer einrichten?",
      wants: [`möchte ${device.what} um die Freigaben von`, "bitten"],
      callsItself: (provider: string) => `${provider} (nennt sich so)`,
      also: (ascii: string) => `In einfachen Buchstaben: ${ascii}`,
      isNew: "Hier neu",
      ask: "Nur, wenn Sie selbst um diesen Link gebeten haben.",
      confirm: here === "phone" ? "Ja, dieses Handy einrichten" : "Ja, diesen Computer einrichten",
      cancel: "Nein, abbrechen",
      pin: "Stattdessen eine PIN nehmen",
      again: "Ich habe hier schon freigegeben",
    },

    test: { badge: "TEST", words: "Nichts hier ist echt" },

    pin: {
      title: "Wählen Sie eine PIN",
      lead: "Sie brauchen sie zum Freigeben.",
      label: "PIN, sechs Ziffern oder mehr",
      again: "Dieselbe PIN noch einmal",
      differs: "Die beiden PINs sind nicht gleich.",
      name: `Name ${device.of}`,
      protection: "Was sie schützt",
      protects: `Die PIN schützt Ihre Freigaben auf ${device.to}; Ablehnen fragt nie danach. Nach zehn falschen ist das Freigeben hier abgeschaltet, und Sie richten ${device.what} neu ein. Wer seine Dateien kopiert, kann PINs ausprobieren: Nehmen Sie eine, die niemand errät.`,
      enroll: here === "phone" ? "Dieses Handy einrichten" : "Diesen Computer einrichten",
      enrolling: "Wird eingerichtet …",
    },

    code: {
      title: "Geben Sie diesen Code ein",
      lead: (host: string) => `Auf der Seite von ${host}, die den Link gezeigt hat.`,
      digits: (code: string) => [...code].join(" "),
      waiting: "Es wird auf den Code gewartet …",
      confirmed: `Bestätigt. ${Device} ist eingerichtet.`,
      lost: "Der Code ist nicht mehr bekannt. Bitten Sie um einen neuen Link.",
      later: "Später",
    },

    wake: {
      title: here === "phone" ? "Dieses Handy wecken" : "Diesen Computer wecken",
      lead: (host: string) =>
        `Damit ${host} Sie erreicht, wenn diese Seite zu ist. Sie werden gefragt, ob Sie Mitteilungen erlauben.`,
      ask: here === "phone" ? "Dieses Handy wecken" : "Diesen Computer wecken",
      asking: "Wird gefragt …",
      without: "Ohne weiter",
      on: `Fertig. ${Device} wird geweckt, wenn jemand etwas von Ihnen möchte.`,
      failed: {
        refused: "Sie haben es nicht erlaubt.",
        blocked: "Mitteilungen sind für diese Seite gesperrt.",
        unsupported: "Dieser Browser lässt sich nicht wecken.",
        absent: "Dieser Browser erreicht keinen Dienst, der ihn weckt.",
        silent: "Der Browser hat zehn Sekunden lang nicht geantwortet.",
      },
      instead: "Öffnen Sie diese Seite, wenn jemand etwas von Ihnen möchte.",
      cant: `${Device} lässt sich nicht wecken.`,
      why: {
        askable: "Es wurde noch nicht erlaubt.",
        denied:
          "So erlauben Sie es: Öffnen Sie die Einstellungen dieser Seite, neben ihrer Adresse, und lassen Sie Mitteilungen zu.",
        unsupported:
          "Versuchen Sie einen anderen Browser. Auf einem iPhone legen Sie die Seite auf den Home-Bildschirm und öffnen sie dort.",
        not_pushed: (host: string) => `${host} weckt niemanden.`,
        not_told: (host: string) => `Es ist erlaubt. ${host} erfährt es bei der nächsten Antwort.`,
      },
      tryIt: "Ausprobieren",
      trying: "Wird probiert …",
      tried: {
        sent: (millis: number) => `Abgeschickt nach ${millis} ms.`,
        accepted: (service: string, millis: number) => `Von ${service} nach weiteren ${millis} ms angenommen.`,
        notAccepted: (service: string) => `${service} hat es nicht angenommen.`,
        arrived: (millis: number) => `Hier ${millis} ms, nachdem Sie gedrückt haben. Es geht.`,
        notArrived: "Es kam hier nicht innerhalb von zehn Sekunden an.",
      },
    },

    practice: {
      title: "Einmal üben",
      lead: (host: string) =>
        `${host} schickt eine Anfrage, auf der ÜBUNG steht. Was Sie auch antworten, es passiert nichts.`,
      start: "Übung beginnen",
      starting: "Ist unterwegs …",
      late: "Sie ist noch nicht da. Prüfen Sie das Netz, oder machen Sie ohne weiter.",
      skip: "Nicht jetzt",
    },

    requests: {
      title: "Anfragen",
      empty: "Nichts freizugeben",
      emptyHow: "Was jemand von Ihnen möchte, erscheint hier von selbst.",
      connected: (hosts: string) => `Verbunden mit ${hosts}`,
      connectedMany: (count: number) => `Verbunden mit ${count} Diensten`,
      notConnected: "Nicht verbunden",
      checked: (ago: string) => `${ago} geprüft`,
      justNow: "gerade eben",
      ago: (count: number, unit: "s" | "min" | "h") => `vor ${count} ${unit}`,
      checkNow: "Jetzt prüfen",
      held: (count: number) => `Leise (${count})`,
      heldWhy: "Diese kamen lautlos: Wer fragt, hat es zu oft getan, oder Sie haben gesagt, dass Sie es nicht waren.",
      newLink: "Ein Einrichtungslink ist angekommen.",
      openLink: "Ansehen",
      kept: (what: string) => `${what}. Ihre Antwort ist aufgehoben und wird gesendet.`,
      notTaken: (what: string) => `${what}. Ihre Antwort wurde noch nicht angenommen; sie ist aufgehoben.`,
      more: (count: number) => (count === 1 ? "1 weitere wartet" : `${count} weitere warten`),
      unverified: (client: string) => `Nennt sich ${client}`,
      forWhom: (user: string) => `Für ${user}`,
    },

    offline: {
      since: (host: string, time: string) => `${host}: offline seit ${time}.`,
      why: {
        unreachable: "Nicht erreichbar.",
        not_the_provider: "Etwas anderes antwortet an seiner Stelle. Prüfen Sie das Netz.",
        no_reply: "Es kommt keine Antwort.",
        unwell: "Überlastet oder gestört.",
        certificate_unknown_authority: `Sein Zertifikat stammt von einer Stelle, der ${device.is} nicht vertraut. Ist es eine eigene, fügen Sie sie dem System hinzu; sonst gibt sich vielleicht jemand dafür aus.`,
        certificate_expired: `Sein Zertifikat gilt zu dieser Zeit nicht. Prüfen Sie die Uhr ${device.of}; sonst muss es dort erneuert werden.`,
        certificate_wrong_name: "Sein Zertifikat gilt für einen anderen Namen. Sagen Sie dort Bescheid.",
        certificate_of_authority:
          "Sein Zertifikat ist das einer ausstellenden Stelle, nicht eines Servers. Sagen Sie dort Bescheid.",
        certificate_unusable: "Sein Zertifikat ist widerrufen oder beschädigt. Sagen Sie dort Bescheid.",
      },
      kept: "Ihre Antwort ist aufgehoben und wird gesendet.",
    },

    request: {
      left: (left: string) => `noch ${left}`,
      leftUnknown: "Restzeit noch nicht bekannt",
      over: "Die Zeit ist um",
      via: (provider: string, host: string) => (provider === host ? `über ${host}` : `über ${provider}, ${host}`),
      details: "Einzelheiten",
      whereFrom: "Woher",
      notTold: "nicht angegeben",
      emptyLines: (count: number) => (count === 1 ? "1 leere Zeile" : `${count} leere Zeilen`),
      deny: "Ablehnen",
      approve: "Freigeben",
      notMe: "Das war ich nicht",
      inertSoon: "Freigeben geht gleich",
      inertNumber: "Geben Sie zuerst die Zahl ein",
      inertConfirm: "Bestätigen Sie oben, dass Sie alles gelesen haben",
      digit: (digits: number) => `Zahl auf dem anderen Bildschirm, ${digits} Ziffern`,
      choose: "Zahl auf dem anderen Bildschirm",
      unrecognised:
        "Diese Art von Anfrage ist hier nicht bekannt. Hier steht alles, was sie enthält. Ich habe es gelesen.",
      pinLabel: "Ihre PIN",
      sending: "Wird unterschrieben und gesendet …",
      minute: "Noch eine Minute",
      seconds: "Noch zehn Sekunden",
      ended: "Diese Anfrage ist vorbei.",
    },

    scopes: {
      openid: "erfahren, wer Sie sind",
      profile: "Ihren Namen und Ihr Profil sehen",
      email: "Ihre E-Mail-Adresse sehen",
      phone: "Ihre Telefonnummer sehen",
      address: "Ihre Postanschrift sehen",
    },

    ending: {
      approved: "Freigegeben",
      denied: "Abgelehnt",
      expired: "Abgelaufen. Niemand hat rechtzeitig geantwortet.",
      answered_elsewhere: "Anderswo beantwortet.",
      cancelled: "Von dem zurückgezogen, der gefragt hat.",
      mismatch: "Die Zahl war falsch. Die Anfrage ist beendet, nichts wurde freigegeben.",
      refused: "Diese Anfrage ließ sich nicht so anzeigen, wie sie gestellt wurde. Sie ist beendet.",
      disputed: "Sie haben gesagt, dass Sie es nicht waren. Man weiß dort Bescheid.",
      unknown: "Diese Anfrage ist beendet.",
      gone: "Diese Anfrage ist nicht mehr bekannt.",
    },

    result: {
      payment: (amount: string, payee: string) => (payee ? `${amount} an ${payee}` : amount),
      other: (kind: string, client: string) => `${kind} für ${client}`,
      cancelled: (client: string) => `${client} hat das zurückgezogen.`,
      elsewhere: (by: string) => `Auf ${by} beantwortet.`,
      reference: (reference: string) => `Vorgang ${reference}`,
      line: (what: string, about: string, time: string) => `${what}: ${about} · ${time}`,
      ended: (about: string, what: string, time: string) => `${about}: ${what} · ${time}`,
    },

    kind: { login: "Anmeldung", payment: "Zahlung", consent: "Zustimmung", device: "Neues Gerät", other: "Freigabe" },

    notMe: {
      title: "Abgelehnt. Sie haben gesagt, dass Sie es nicht waren.",
      held: (client: string, time: string) => `Bis ${time} fragt ${client} lautlos.`,
      heldLater: (client: string) => `${client} fragt lautlos, sobald Ihre Antwort angekommen ist.`,
      help: (provider: string) => `Wenn Sie sich sorgen, fragen Sie ${provider}:`,
      noHelp: (provider: string) =>
        `Wenn Sie sich sorgen, fragen Sie ${provider} unter einer Nummer, die Sie selbst kennen.`,
    },

    accounts: {
      title: "Konten",
      add: "Konto hinzufügen",
      active: "In Gebrauch",
      unconfirmed: "Wartet auf den Bestätigungscode",
      showCode: "Code zeigen",
      at: (user: string, host: string) => `${user} bei ${host}:`,
      not_known: (time: string, host: string) =>
        `Dort nicht bekannt seit ${time}. Nichts ist verloren; es wird stündlich wieder gefragt. Bleibt es dabei, fragen Sie ${host}, oder richten Sie ${device.what} neu ein.`,
      suspended: (time: string, host: string) =>
        `Abgeschaltet seit ${time}: ${Device} wurde vielleicht kopiert oder wiederhergestellt. Bitten Sie ${host} um das Einschalten, oder richten Sie ${device.what} neu ein.`,
      revoked: (time: string, host: string) =>
        `Von ${host} entfernt am ${time}. Der Verlauf bleibt. Richten Sie ${device.what} neu ein, um es wieder zu benutzen.`,
      unusable: `Auf ${device.to} nicht zu gebrauchen. Richten Sie es neu ein.`,
      cannotApprove: `Kann ablehnen, aber nicht mehr freigeben: Das Freigeben ist nach zehn falschen PINs abgeschaltet. Ihr Geld und Ihr Konto sind nicht betroffen. Richten Sie ${device.what} neu ein.`,
      device: (deviceName: string) => `${Device} heißt ${deviceName}`,
      protection: {
        file_keyring: `Freigaben sind durch Ihre PIN und den Schlüsselbund auf ${device.to} geschützt`,
        file_pin: "Freigaben sind durch Ihre PIN geschützt",
        other: (level: string) => `Freigaben sind geschützt durch: ${level}`,
      },
      help: "Hilfe",
    },

    activity: {
      title: "Verlauf",
      empty: "Noch hat niemand etwas von Ihnen gewollt.",
      loading: "Der Verlauf wird gelesen …",
      unreadable: "Eine Anfrage, die nicht lesbar war",
      refused: "Nicht gezeigt: Sie ließ sich nicht prüfen oder nicht ganz zeigen",
      waiting: "Wartet auf eine Antwort",
      sending: "Beantwortet; noch keine Rückmeldung",
      shown: "Was auf dem Bildschirm stand",
      notShown: `Auf ${device.to} wurde nicht geantwortet, darum ist vom Bildschirm nichts aufgehoben.`,
      dispute: "Das war ich nicht",
      disputeWhy: (host: string) =>
        `${host} erfährt davon und handelt nicht danach, wo es noch geht. Das lässt sich nicht zurücknehmen.`,
      disputed: "Gemeldet. Die Antwort folgt.",
      save: "Nachweis sichern",
      saved: (path: string) => `Gesichert als ${path}`,
      savedHow: "Jeder kann ihn ohne Netz prüfen, mit countersign verify.",
    },

    settings: {
      title: "Optionen",
      appearance: "Erscheinungsbild",
      system: "Wie das System",
      light: "Hell",
      dark: "Dunkel",
      about: "Über",
      version: (version: string) => `Version ${version}`,
    },

    failure: {
      wrong_pin: (left: number) =>
        left > TRIES_TOLD
          ? "Falsche PIN."
          : `Falsche PIN. ${tries(left)}, bevor das Freigeben auf ${device.to} abgeschaltet wird. Ihr Geld und Ihr Konto sind nicht betroffen.`,
      pin_wait: (time: string) => `Zu viele falsche PINs. Noch ${time} bis zum nächsten Versuch.`,
      pin_spent: `Das Freigeben auf ${device.to} ist nach zehn falschen PINs abgeschaltet. Ihr Geld und Ihr Konto sind nicht betroffen. Ablehnen geht noch. Zum Freigeben richten Sie ${device.what} neu ein.`,
      pin_not_digits: "Eine PIN hat nur Ziffern.",
      pin_too_short: "Eine PIN hat mindestens sechs Ziffern.",
      pin_too_long: "Eine PIN hat höchstens 64 Ziffern.",
      not_verified: "Freigeben braucht Ihre PIN.",
      value_needed: "Geben Sie die Zahl ein, die der andere Bildschirm zeigt.",
      value_unfit: "Diese Zahl passt nicht. Sehen Sie noch einmal auf den anderen Bildschirm.",
      request_ended: "Diese Anfrage ist vorbei. Nichts wurde gesendet.",
      request_expired: "Die Zeit für diese Anfrage ist um. Nichts wurde gesendet.",
      already_answered: "Diese Anfrage haben Sie schon beantwortet.",
      answering: "Sie beantworten diese Anfrage gerade. Bestätigen Sie sie, oder lehnen Sie sie ab.",
      declined: `Es wurde abgebrochen, oder ${device.is} hat Sie nicht erkannt. Nichts wurde unterschrieben. Sie können es noch einmal versuchen.`,
      key_store_silent:
        "Niemand hat es rechtzeitig bestätigt. Nichts wurde unterschrieben. Versuchen Sie es noch einmal, wenn Sie so weit sind.",
      key_gone: `${Device} hat den Schlüssel für dieses Konto verloren. Nichts wurde gesendet. Bitten Sie um einen neuen Einrichtungslink.`,
      key_unreadable: `Der Schlüssel dieses Kontos auf ${device.to} lässt sich nicht lesen. Nichts wurde gesendet. Bitten Sie um einen neuen Einrichtungslink.`,
      key_store_unusable: `${Device} konnte den Schlüssel nicht benutzen. Nichts wurde gesendet. Versuchen Sie es noch einmal.`,
      unknown_passkey: "Dieser Passkey gehört hier niemandem. Richten Sie stattdessen neu ein.",
      resume_not_allowed:
        "Ohne Link geht es nur in den ersten Minuten nach dem Einrichten weiter. Bitten Sie um einen neuen Einrichtungslink.",
      no_screen_lock: `${Device} hat keine Displaysperre. Nichts wurde gesendet. Richten Sie eine ein und versuchen Sie es noch einmal.`,
      no_passkeys:
        "Dieser Browser kann nicht nach Ihrer Displaysperre fragen. Nichts wurde gesendet. Öffnen Sie diese Seite in einem anderen Browser.",
      locked: `${Device} wurde inzwischen gesperrt. Nichts wurde unterschrieben.`,
      not_confirmed_in_time: "Es wurde nicht innerhalb von zwei Minuten bestätigt. Nichts wurde unterschrieben.",
      keyring_locked: `Der Schlüsselbund auf ${device.to} ist gesperrt. Nichts wurde unterschrieben. Entsperren Sie ihn und versuchen Sie es noch einmal.`,
      keyring_absent: `Der Schlüsselbund auf ${device.to} antwortet nicht. Nichts wurde unterschrieben. Melden Sie sich am Desktop an und versuchen Sie es noch einmal.`,
      keyring_silent: `Der Schlüsselbund auf ${device.to} hat nicht rechtzeitig geantwortet. Nichts wurde unterschrieben. Versuchen Sie es noch einmal.`,
      keyring_refused: `Der Schlüsselbund auf ${device.to} hat abgelehnt. Nichts wurde unterschrieben. Versuchen Sie es noch einmal.`,
      keyring_unsupported: `Countersign kann den Schlüsselbund auf ${device.to} nicht benutzen. Nichts wurde unterschrieben.`,
      keyring_emptied: `Der Schlüsselbund auf ${device.to} hat nichts zu diesem Konto: Er wurde geleert, oder das Konto wurde von anderswo kopiert. Nichts wurde unterschrieben. Stellen Sie ihn wieder her, oder richten Sie ${device.what} neu ein.`,
      keyring_replaced: `Der Schlüsselbund auf ${device.to} ist ein anderer als beim Einrichten. Nichts wurde unterschrieben. Stellen Sie den alten wieder her, oder richten Sie ${device.what} neu ein.`,
      display_changed: "Was diese Anfrage zeigt, hat sich geändert. Lesen Sie sie noch einmal.",
      too_soon: "Das war schnell. Lesen Sie zuerst, dann geben Sie frei.",
      shared_device: `Mehrere Menschen nutzen jetzt ${device.what}; die Bildschirmsperre gibt darum nichts mehr frei. Ablehnen geht noch. Lassen Sie sich einen neuen Link geben und wählen Sie eine PIN.`,
      shared_not_allowed: `${Device} wird von mehreren Menschen genutzt, und das wird dort nicht angenommen. Nehmen Sie etwas Eigenes.`,
      person_needed: "Dieses Konto hat ein Programm eingerichtet. Ein Mensch kann damit nicht freigeben.",
      account_suspended: (who = SOMEBODY) =>
        `${Device} wurde für dieses Konto abgeschaltet: Vielleicht wurde kopiert oder wiederhergestellt. Nichts wurde unterschrieben. Fragen Sie ${who}.`,
      account_unknown: (who = SOMEBODY) =>
        `${Device} ist dort nicht mehr bekannt. Nichts wurde unterschrieben. Fragen Sie ${who}, oder richten Sie neu ein.`,
      account_revoked: `${Device} wurde aus diesem Konto entfernt. Nichts wurde unterschrieben. Richten Sie neu ein.`,
      account_unusable: `Dieses Konto ist auf ${device.to} nicht mehr zu gebrauchen. Richten Sie es neu ein.`,
      not_taken: (who = SOMEBODY) =>
        `Ihre Antwort ist aufgehoben, aber ${device.is} darf zurzeit nicht teilnehmen. Sie wird gesendet, sobald es geht. Fragen Sie ${who}.`,
      not_confirmed: "Dieses Konto wartet auf seinen Bestätigungscode.",
      stopped:
        "Dieses Konto steht nach einem Fehler still. Schließen Sie dieses Fenster und öffnen Sie es noch einmal.",
      invalid_link: "Das ist kein Einrichtungslink. Kopieren Sie ihn ganz und fügen Sie ihn noch einmal ein.",
      link_expired: "Dieser Link ist zu alt. Bitten Sie um einen neuen.",
      link_not_verified: "Diesen Link hat nicht der gemacht, den er nennt. Benutzen Sie ihn nicht.",
      manifest_not_verified: "Was da antwortet, kann nicht zeigen, wer es ist. Machen Sie nicht weiter.",
      registration_token_already_used: "Dieser Link wurde schon benutzt. Bitten Sie um einen neuen.",
      registration_token_expired: "Dieser Link ist zu alt. Bitten Sie um einen neuen.",
      invalid_discovery: "Was da antwortet, kann keine Freigaben einrichten. Prüfen Sie den Link.",
      not_a_provider: "Was da antwortet, kann keine Freigaben einrichten. Prüfen Sie den Link.",
      no_reply: "Keine Antwort. Prüfen Sie das Netz und versuchen Sie es noch einmal; der Link gilt noch.",
      certificate_unknown_authority: `Das Zertifikat dort stammt von einer Stelle, der ${device.is} nicht vertraut. Ist es eine eigene, fügen Sie sie dem System hinzu; sonst gibt sich vielleicht jemand für den aus, den der Link nennt.`,
      certificate_expired: `Das Zertifikat dort gilt zu dieser Zeit nicht. Prüfen Sie die Uhr ${device.of}; sonst muss es dort erneuert werden.`,
      certificate_wrong_name:
        "Das Zertifikat dort gilt für einen anderen Namen. Sagen Sie es dem, von dem der Link kam.",
      certificate_of_authority:
        "Das Zertifikat dort ist das einer ausstellenden Stelle, nicht eines Servers. Sagen Sie es dem, von dem der Link kam.",
      certificate_unusable:
        "Das Zertifikat dort ist widerrufen oder beschädigt. Sagen Sie es dem, von dem der Link kam.",
      invalid_name: "Dieser Name geht nicht. Wählen Sie einen anderen.",
      no_link: "Der Link ist nicht mehr da. Bitten Sie um einen neuen.",
      other_pin:
        "Dieser Link wurde mit einer anderen PIN begonnen. Nehmen Sie die, oder bitten Sie um einen neuen Link.",
      other_key: "Dieser Link wurde mit einem anderen Schutz der Freigaben begonnen. Bitten Sie um einen neuen Link.",
      no_push: "Von dort wird niemand geweckt.",
      push_address_not_allowed: "Wer fragt, benutzt den Dienst dieses Browsers nicht.",
      rate_limited: "Zu viele Versuche. Versuchen Sie es in einer Minute noch einmal.",
      evidence_incomplete: "Über diese Anfrage ist noch nichts unterschrieben.",
      history_broken: (who = SOMEBODY) =>
        `Der Verlauf auf ${device.to} wurde von etwas anderem verändert. Verlassen Sie sich nicht darauf und fragen Sie ${who}.`,
      not_saved: "Die Datei ließ sich nicht schreiben. Ist die Platte voll?",
      unknown: (code: string) => `Das ging nicht, und nichts wurde gesendet. (${code})`,
    },
  };
};

export const de = german("computer");
