// German; see en.ts.

import type { Words } from "./en";

const tries = (count: number) => (count === 1 ? "Ein Versuch bleibt" : `${count} Versuche bleiben`);

export const de = {
  app: "Countersign",
  nav: { requests: "Anfragen", accounts: "Konten", activity: "Verlauf", settings: "Optionen", label: "Hauptbereich" },
  back: "Zurück",
  cancel: "Abbrechen",
  continue: "Weiter",
  done: "Fertig",
  starting: "Ihre Konten werden geöffnet …",
  checking: "Wird geprüft …",

  trouble: {
    title: "Countersign lässt sich nicht öffnen",
    home_in_use:
      "Countersign ist schon in einem anderen Fenster oder Programm offen. Schließen Sie das und öffnen Sie dieses noch einmal.",
    store_newer:
      "Ihre Konten hat eine neuere Version von Countersign geschrieben. Bringen Sie es auf den neuen Stand. Nichts wurde verändert.",
    other:
      "Ihre Konten ließen sich nicht öffnen. Nichts wurde verändert oder entfernt. Schließen Sie Countersign und öffnen Sie es noch einmal.",
    details: "Was das Programm sagt",
  },

  welcome: {
    title: "Geben Sie frei, was man von Ihnen möchte",
    lead: "Eine Kasse, eine Website oder ein Agent fragt. Sie sehen, wer fragt, wofür und wie viel, und antworten mit einer Unterschrift, deren Schlüssel dieses Gerät nie verlässt.",
    how: "Zum Anfangen brauchen Sie einen Link des Anbieters, bei dem Sie ein Konto haben, etwa Ihrer Bank, Ihrer Firma oder eines Geschäfts.",
    have: "Ich habe einen Link",
  },

  link: {
    title: "Konto hinzufügen",
    label: "Link zur Anmeldung dieses Geräts",
    help: "Fügen Sie den Link ein, den Ihr Anbieter zeigt. Er beginnt mit https:// und gilt einmal, zehn Minuten lang.",
    checking: "Es wird geprüft, wer diesen Link gemacht hat …",
    waiting: "Countersign hat einen Link bekommen.",
  },

  preview: {
    title: "Ist das Ihr Anbieter?",
    provider: "Der Link ist von",
    also: (ascii: string) => `In einfachen Buchstaben: ${ascii}`,
    isNew: "Neuer Anbieter: Dieses Gerät hat dort noch kein Konto",
    user: "Er macht dieses Gerät zu einem von",
    ask: "Machen Sie nur weiter, wenn Sie gerade selbst um diesen Link gebeten haben.",
    confirm: "Ja, das bin ich",
    cancel: "Nein, abbrechen",
  },

  test: { badge: "TEST", words: "Dieser Anbieter ist zum Testen da" },

  pin: {
    title: "Wählen Sie eine PIN",
    lead: "Sie geben sie ein, wenn Sie freigeben. Ablehnen fragt nie danach.",
    label: "PIN, sechs Ziffern oder mehr",
    again: "Dieselbe PIN noch einmal",
    differs: "Die beiden PINs sind nicht gleich.",
    name: "Wie dieses Gerät heißt",
    protects:
      "Die PIN schützt den Schlüssel auf diesem Computer. Nach zehn falschen wird er zerstört, und Sie melden das Gerät neu an. Wer die Schlüsseldatei kopiert, kann PINs ausprobieren: Nehmen Sie eine, die niemand errät.",
    enroll: "Zu meinem Gerät machen",
    enrolling: "Die Schlüssel entstehen, Ihr Anbieter erfährt davon …",
  },

  code: {
    title: "Geben Sie diesen Code ein",
    lead: (host: string) =>
      `Geben Sie diese sechs Ziffern auf der Seite von ${host} ein, von der der Link kam. Dann gehört dieses Gerät zu Ihnen.`,
    digits: (code: string) => [...code].join(" "),
    waiting: "Es wird auf den Code gewartet …",
    confirmed: "Bestätigt. Dieses Gerät macht jetzt mit.",
    lost: "Der Code ist nicht mehr bekannt. Bitten Sie um einen neuen Link.",
    later: "Später",
  },

  requests: {
    title: "Anfragen",
    empty: "Nichts freizugeben",
    emptyHow: "Was jemand von Ihnen möchte, erscheint hier von selbst.",
    connected: (hosts: string) => `Verbunden mit ${hosts}`,
    connectedMany: (count: number) => `Verbunden mit ${count} Anbietern`,
    notConnected: "Nicht verbunden",
    checked: (ago: string) => `${ago} geprüft`,
    justNow: "gerade eben",
    ago: (count: number, unit: "s" | "min" | "h") => `vor ${count} ${unit}`,
    checkNow: "Jetzt prüfen",
    held: (count: number) => `Zurückgehalten (${count})`,
    heldWhy: "Diese kamen lautlos, weil ihr Client zu oft gefragt hat oder Sie gesagt haben, dass Sie es nicht waren.",
    newLink: "Countersign hat einen Link für ein neues Konto bekommen.",
    openLink: "Ansehen",
    kept: (what: string) => `${what}. Ihre Antwort ist aufgehoben und wird gesendet.`,
    notTaken: (what: string) => `${what}. Ihr Anbieter hat Ihre Antwort nicht angenommen; sie ist aufgehoben.`,
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
      certificate_unknown_authority:
        "Sein Zertifikat stammt von einer Stelle, der dieses Gerät nicht vertraut. Ist es eine eigene, fügen Sie sie dem System hinzu; sonst gibt sich vielleicht jemand als Ihr Anbieter aus.",
      certificate_expired:
        "Sein Zertifikat gilt zu dieser Zeit nicht. Prüfen Sie die Uhr dieses Geräts; sonst muss Ihr Anbieter es erneuern.",
      certificate_wrong_name: "Sein Zertifikat gilt für einen anderen Namen. Sagen Sie es Ihrem Anbieter.",
      certificate_of_authority:
        "Sein Zertifikat ist das einer ausstellenden Stelle, nicht eines Servers. Sagen Sie es Ihrem Anbieter.",
      certificate_unusable: "Sein Zertifikat ist widerrufen oder beschädigt. Sagen Sie es Ihrem Anbieter.",
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
      "Countersign kennt diese Art von Anfrage nicht. Hier steht alles, was sie enthält. Ich habe es gelesen.",
    pinLabel: "Ihre PIN",
    pinWhy: "Ihre PIN gibt die Unterschrift frei.",
    sending: "Wird unterschrieben und gesendet …",
    minute: "Noch eine Minute",
    seconds: "Noch zehn Sekunden",
    ended: "Diese Anfrage ist vorbei.",
  },

  ending: {
    approved: "Freigegeben",
    denied: "Abgelehnt",
    expired: "Abgelaufen. Niemand hat rechtzeitig geantwortet.",
    answered_elsewhere: "Auf einem anderen Gerät beantwortet.",
    cancelled: "Von dem zurückgezogen, der gefragt hat.",
    mismatch: "Die Zahl war falsch. Die Anfrage ist beendet, nichts wurde freigegeben.",
    refused: "Ihre Geräte konnten diese Anfrage nicht so anzeigen, wie sie gestellt wurde. Sie ist beendet.",
    disputed: "Sie haben gesagt, dass Sie es nicht waren. Der Anbieter weiß Bescheid.",
    unknown: "Diese Anfrage ist beendet.",
    gone: "Der Anbieter kennt diese Anfrage nicht mehr.",
  },

  result: {
    payment: (amount: string, payee: string) => (payee ? `${amount} an ${payee}` : amount),
    other: (kind: string, client: string) => `${kind} für ${client}`,
    cancelled: (client: string) => `${client} hat das zurückgezogen.`,
    elsewhere: (device: string) => `Auf ${device} beantwortet.`,
    reference: (reference: string) => `Vorgang ${reference}`,
    line: (what: string, about: string, time: string) => `${what}: ${about} · ${time}`,
    ended: (about: string, what: string, time: string) => `${about}: ${what} · ${time}`,
  },

  kind: { login: "Anmeldung", payment: "Zahlung", consent: "Zustimmung", device: "Neues Gerät", other: "Freigabe" },

  notMe: {
    title: "Abgelehnt. Sie haben gesagt, dass Sie es nicht waren.",
    held: (client: string, time: string) =>
      `${client} wird bis ${time} zurückgehalten. Was es vorher fragt, kommt lautlos.`,
    heldLater: (client: string) => `${client} wird zurückgehalten, sobald Ihr Anbieter Ihre Antwort hat.`,
    help: (provider: string) => `Wenn Sie sich sorgen, fragen Sie ${provider}:`,
    noHelp: "Wenn Sie sich sorgen, fragen Sie Ihren Anbieter unter einer Nummer, die Sie selbst kennen.",
  },

  accounts: {
    title: "Konten",
    add: "Konto hinzufügen",
    active: "In Gebrauch",
    unconfirmed: "Wartet auf den Bestätigungscode",
    showCode: "Code zeigen",
    at: (user: string, host: string) => `${user} bei ${host}:`,
    not_known: (time: string) =>
      `Dort nicht bekannt seit ${time}. Nichts ist verloren; es wird stündlich wieder gefragt. Bleibt es dabei, fragen Sie Ihren Anbieter, oder melden Sie dieses Gerät neu an.`,
    suspended: (time: string) =>
      `Gesperrt seit ${time}: Dieses Gerät wurde vielleicht kopiert oder wiederhergestellt. Bitten Sie Ihren Anbieter, die Sperre aufzuheben, oder melden Sie dieses Gerät neu an.`,
    revoked: (time: string) =>
      `Von Ihrem Anbieter entfernt am ${time}. Die Schlüssel sind zerstört, der Verlauf bleibt. Melden Sie dieses Gerät neu an, um es wieder zu benutzen.`,
    unusable: "Auf diesem Gerät nicht zu gebrauchen. Melden Sie es neu an.",
    cannotApprove:
      "Kann ablehnen, aber nicht mehr freigeben: Der Schlüssel wurde nach zehn falschen PINs zerstört. Melden Sie dieses Gerät neu an.",
    device: (deviceName: string) => `Dieses Gerät heißt ${deviceName}`,
    protection: {
      file_pin: "Schlüssel in einer Datei, mit Ihrer PIN versiegelt",
      other: (level: string) => `Schutz des Schlüssels: ${level}`,
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
    sending: "Beantwortet; der Anbieter hat noch nicht reagiert",
    shown: "Was auf dem Bildschirm stand",
    notShown: "Dieses Gerät hat nicht geantwortet, darum ist vom Bildschirm nichts aufgehoben.",
    dispute: "Das war ich nicht",
    disputeWhy:
      "Ihr Anbieter erfährt davon und handelt nicht danach, wo er noch kann. Das lässt sich nicht zurücknehmen.",
    disputed: "Gemeldet. Das Wort des Anbieters folgt, sobald er geantwortet hat.",
    save: "Beweis sichern",
    saved: (path: string) => `Gesichert als ${path}`,
    savedHow: "Jeder kann es ohne Netz prüfen, mit countersign verify.",
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
    wrong_pin: (left: number) => `Falsche PIN. ${tries(left)}, bevor der Schlüssel zerstört wird.`,
    pin_wait: (time: string) => `Zu viele falsche PINs. Noch ${time} bis zum nächsten Versuch.`,
    pin_spent:
      "Zehn falsche PINs: Der Schlüssel zum Freigeben wurde zerstört. Ablehnen geht noch. Melden Sie das Gerät neu an, um freizugeben.",
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
    declined: "Sie haben es nicht bestätigt. Nichts wurde unterschrieben.",
    locked: "Das Gerät wurde inzwischen gesperrt. Nichts wurde unterschrieben.",
    not_confirmed_in_time: "Es wurde nicht innerhalb von zwei Minuten bestätigt. Nichts wurde unterschrieben.",
    display_changed: "Was diese Anfrage zeigt, hat sich geändert. Lesen Sie sie noch einmal.",
    too_soon: "Das war schnell. Lesen Sie zuerst, dann geben Sie frei.",
    person_needed: "Dieses Konto hat ein Programm angemeldet. Ein Mensch kann damit nicht freigeben.",
    account_suspended:
      "Ihr Anbieter hat dieses Gerät gesperrt: Es wurde vielleicht kopiert oder wiederhergestellt. Nichts wurde unterschrieben. Fragen Sie Ihren Anbieter.",
    account_unknown:
      "Ihr Anbieter kennt dieses Gerät nicht mehr. Nichts wurde unterschrieben. Fragen Sie Ihren Anbieter, oder melden Sie dieses Gerät neu an.",
    account_revoked:
      "Ihr Anbieter hat dieses Gerät entfernt. Nichts wurde unterschrieben. Melden Sie dieses Gerät neu an.",
    account_unusable: "Dieses Konto ist auf diesem Gerät nicht mehr zu gebrauchen. Melden Sie es neu an.",
    not_taken:
      "Es ist gespeichert, aber Ihr Anbieter hat es nicht angenommen: Er lässt dieses Gerät zurzeit nicht teilnehmen. Es wird gesendet, sobald er es tut. Fragen Sie Ihren Anbieter.",
    not_confirmed: "Dieses Konto wartet auf seinen Bestätigungscode.",
    stopped: "Dieses Konto steht nach einem Fehler still. Schließen Sie Countersign und öffnen Sie es noch einmal.",
    invalid_link: "Das ist kein Link zur Anmeldung. Kopieren Sie ihn ganz und fügen Sie ihn noch einmal ein.",
    link_expired: "Dieser Link ist zu alt. Bitten Sie um einen neuen.",
    link_not_verified: "Diesen Link hat nicht der Anbieter gemacht, den er nennt. Benutzen Sie ihn nicht.",
    manifest_not_verified:
      "Die Schlüssel des Anbieters lassen sich nicht prüfen. Machen Sie nicht weiter und sagen Sie es dem Anbieter.",
    registration_token_already_used: "Dieser Link wurde schon benutzt. Bitten Sie um einen neuen.",
    registration_token_expired: "Dieser Link ist zu alt. Bitten Sie um einen neuen.",
    invalid_discovery: "Was da antwortet, ist kein Anbieter, mit dem Countersign sprechen kann.",
    not_a_provider: "Was da antwortet, ist kein Anbieter, mit dem Countersign sprechen kann.",
    no_reply:
      "Der Anbieter ist nicht zu erreichen. Prüfen Sie das Netz und versuchen Sie es noch einmal; der Link gilt noch.",
    certificate_unknown_authority:
      "Das Zertifikat des Anbieters stammt von einer Stelle, der dieses Gerät nicht vertraut. Ist es eine eigene, fügen Sie sie dem System hinzu; sonst gibt sich vielleicht jemand als Ihr Anbieter aus.",
    certificate_expired:
      "Das Zertifikat des Anbieters gilt zu dieser Zeit nicht. Prüfen Sie die Uhr dieses Geräts; sonst muss Ihr Anbieter es erneuern.",
    certificate_wrong_name: "Das Zertifikat des Anbieters gilt für einen anderen Namen. Sagen Sie es Ihrem Anbieter.",
    certificate_of_authority:
      "Das Zertifikat des Anbieters ist das einer ausstellenden Stelle, nicht eines Servers. Sagen Sie es Ihrem Anbieter.",
    certificate_unusable: "Das Zertifikat des Anbieters ist widerrufen oder beschädigt. Sagen Sie es Ihrem Anbieter.",
    invalid_name: "Dieser Name geht nicht. Wählen Sie einen anderen.",
    no_link: "Der Link ist nicht mehr da. Bitten Sie um einen neuen.",
    other_pin: "Dieser Link wurde mit einer anderen PIN begonnen. Nehmen Sie die, oder bitten Sie um einen neuen Link.",
    rate_limited: "Der Anbieter bittet Sie, etwas zu warten. Versuchen Sie es in einer Minute noch einmal.",
    evidence_incomplete: "Über diese Anfrage ist noch nichts unterschrieben.",
    history_broken:
      "Der Verlauf auf diesem Gerät wurde von etwas anderem verändert. Verlassen Sie sich nicht darauf und fragen Sie Ihren Anbieter.",
    not_saved: "Die Datei ließ sich nicht schreiben. Ist die Platte voll?",
    unknown: (code: string) => `Das ging nicht, und nichts wurde gesendet. (${code})`,
  },
} satisfies Words;
