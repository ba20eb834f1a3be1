// English. Every language has the same members; a missing one does not compile.

const plural = new Intl.PluralRules("en");
const tries = (count: number) => (plural.select(count) === "one" ? `${count} try is left` : `${count} tries are left`);

export const en = {
  app: "Countersign",
  nav: { requests: "Requests", accounts: "Accounts", activity: "Activity", settings: "Settings", label: "Main" },
  back: "Back",
  cancel: "Cancel",
  continue: "Continue",
  done: "Done",
  starting: "Opening your accounts …",
  checking: "Checking …",

  trouble: {
    title: "Countersign can’t open",
    home_in_use: "Countersign is already open in another window or program. Close that one, then open this again.",
    store_newer:
      "Your accounts were written by a newer version of Countersign. Update it, then open it again. Nothing was changed.",
    other: "Your accounts could not be opened. Nothing was changed or removed. Close Countersign and open it again.",
    details: "What the program says",
  },

  welcome: {
    title: "Approve what is asked of you",
    lead: "A till, a website or an agent asks. You see who asks, for what and how much, and answer with a signature whose key never leaves this device.",
    how: "To begin, you need a link from the provider you have an account with, such as your bank, your employer or a shop.",
    have: "I have a link",
  },

  link: {
    title: "Add an account",
    label: "Enrollment link",
    help: "Paste the link that your provider shows. It begins with https:// and works once, for ten minutes.",
    checking: "Checking who made this link …",
    waiting: "A link was handed to Countersign.",
  },

  preview: {
    title: "Is this your provider?",
    provider: "The link is from",
    also: (ascii: string) => `Written in plain letters: ${ascii}`,
    isNew: "New provider: this device has no account there yet",
    user: "It makes this device one of",
    ask: "Go on only if you asked for this link yourself, just now.",
    confirm: "Yes, this is mine",
    cancel: "No, cancel",
  },

  test: { badge: "TEST", words: "This provider is for tests" },

  pin: {
    title: "Choose a PIN",
    lead: "You type it whenever you approve. Denying never asks for it.",
    label: "PIN, six digits or more",
    again: "The same PIN again",
    differs: "The two PINs are not the same.",
    name: "What this device is called",
    protects:
      "The PIN protects the key on this computer. After ten wrong ones the key is destroyed, and you enroll again. Somebody who copies the key file can try PINs: use one that nobody guesses.",
    enroll: "Make this my device",
    enrolling: "Making the keys and telling your provider …",
  },

  code: {
    title: "Type this code",
    lead: (host: string) =>
      `Type these six digits on the page of ${host} that gave you the link. Then this device is yours.`,
    digits: (code: string) => [...code].join(" "),
    waiting: "Waiting for the code …",
    confirmed: "Confirmed. This device takes part now.",
    lost: "The code is not known any more. Ask for a new link.",
    later: "Later",
  },

  requests: {
    title: "Requests",
    empty: "Nothing to approve",
    emptyHow: "What somebody asks of you appears here by itself.",
    connected: (hosts: string) => `Connected to ${hosts}`,
    connectedMany: (count: number) => `Connected to ${count} providers`,
    notConnected: "Not connected",
    checked: (ago: string) => `checked ${ago}`,
    justNow: "just now",
    ago: (count: number, unit: "s" | "min" | "h") => `${count} ${unit} ago`,
    checkNow: "Check now",
    held: (count: number) => `Held back (${count})`,
    heldWhy: "These came without a sound, because their client asked too often or you said that it wasn’t you.",
    newLink: "A link to add an account was handed to Countersign.",
    openLink: "Look at it",
    kept: (what: string) => `${what}. Your answer is kept and will be sent.`,
    notTaken: (what: string) => `${what}. Your provider did not take your answer; it is kept.`,
    more: (count: number) => (plural.select(count) === "one" ? "1 more waits" : `${count} more wait`),
    unverified: (client: string) => `Calls itself ${client}`,
    forWhom: (user: string) => `For ${user}`,
  },

  offline: {
    since: (host: string, time: string) => `${host}: offline since ${time}.`,
    why: {
      unreachable: "It can’t be reached.",
      not_the_provider: "Something else answers in its place. Check the network.",
      no_reply: "It does not reply.",
      unwell: "It is busy or broken.",
      certificate_unknown_authority:
        "Its certificate is by an authority that this device does not trust. If it is a private one, add it to the system; if not, something may be posing as your provider.",
      certificate_expired:
        "Its certificate is not valid at this time. Check this device’s clock; else your provider has to renew it.",
      certificate_wrong_name: "Its certificate is for another name. Tell your provider.",
      certificate_of_authority: "Its certificate is an authority’s own, not a server’s. Tell your provider.",
      certificate_unusable: "Its certificate is revoked or damaged. Tell your provider.",
    },
    kept: "Your answer is kept and will be sent.",
  },

  request: {
    left: (left: string) => `${left} left`,
    leftUnknown: "Time left not known yet",
    over: "Time is over",
    via: (provider: string, host: string) => (provider === host ? `via ${host}` : `via ${provider}, ${host}`),
    details: "Details",
    whereFrom: "Where from",
    notTold: "not told",
    emptyLines: (count: number) => (plural.select(count) === "one" ? "1 empty line" : `${count} empty lines`),
    deny: "Deny",
    approve: "Approve",
    notMe: "This wasn’t me",
    inertSoon: "Approve works in a moment",
    inertNumber: "Enter the number first",
    inertConfirm: "Confirm above that you have read all of it",
    digit: (digits: number) => `Number on the other screen, ${digits} digits`,
    choose: "Number on the other screen",
    unrecognised: "Countersign does not know this kind of request. All of it is shown here. I have read it.",
    pinLabel: "Your PIN",
    pinWhy: "Your PIN releases the signature.",
    sending: "Signing and sending …",
    minute: "One minute left",
    seconds: "Ten seconds left",
    ended: "This request is over.",
  },

  ending: {
    approved: "Approved",
    denied: "Denied",
    expired: "Expired. Nobody answered in time.",
    answered_elsewhere: "Answered on another device.",
    cancelled: "Called off by the one who asked.",
    mismatch: "The number was wrong. The request has ended, and nothing was approved.",
    refused: "Your devices could not show this request as it was asked. It has ended.",
    disputed: "You said that this wasn’t you. The provider was told.",
    unknown: "This request has ended.",
    gone: "The provider no longer knows this request.",
  },

  result: {
    payment: (amount: string, payee: string) => (payee ? `${amount} to ${payee}` : amount),
    other: (kind: string, client: string) => `${kind} for ${client}`,
    cancelled: (client: string) => `${client} cancelled this.`,
    elsewhere: (device: string) => `Answered on ${device}.`,
    reference: (reference: string) => `Reference ${reference}`,
    line: (what: string, about: string, time: string) => `${what} ${about} · ${time}`,
    ended: (about: string, what: string, time: string) => `${about}: ${what} · ${time}`,
  },

  kind: { login: "Sign-in", payment: "Payment", consent: "Consent", device: "New device", other: "Approval" },

  notMe: {
    title: "Denied. You said it wasn’t you.",
    held: (client: string, time: string) =>
      `${client} is held back until ${time}. What it asks before then comes without a sound.`,
    heldLater: (client: string) => `${client} will be held back as soon as your provider has your answer.`,
    help: (provider: string) => `If you are worried, ask ${provider}:`,
    noHelp: "If you are worried, ask your provider, by a number that you know yourself.",
  },

  accounts: {
    title: "Accounts",
    add: "Add an account",
    active: "In use",
    unconfirmed: "Waiting for the confirmation code",
    showCode: "Show the code",
    at: (user: string, host: string) => `${user} at ${host}:`,
    not_known: (time: string) =>
      `Not known there since ${time}. Nothing is lost; it is asked again every hour. If it stays so, ask your provider or enroll this device again.`,
    suspended: (time: string) =>
      `Suspended since ${time}: this device may have been copied or restored. Ask your provider to lift it, or enroll this device again.`,
    revoked: (time: string) =>
      `Removed by your provider on ${time}. Its keys are destroyed; the activity stays. Enroll this device again to use it.`,
    unusable: "Can’t be used on this device. Enroll again.",
    cannotApprove:
      "Can deny, and can’t approve any more: the key was destroyed after ten wrong PINs. Enroll this device again.",
    device: (deviceName: string) => `This device is called ${deviceName}`,
    protection: { file_pin: "Key in a file, sealed by your PIN", other: (level: string) => `Key protection: ${level}` },
    help: "Help line",
  },

  activity: {
    title: "Activity",
    empty: "Nothing has been asked of you yet.",
    loading: "Reading the record …",
    unreadable: "A request that could not be read",
    refused: "Not shown: it could not be verified or shown whole",
    waiting: "Waits for an answer",
    sending: "Answered; the provider has not replied yet",
    shown: "What was on the screen",
    notShown: "This device did not answer, so nothing of the screen was kept.",
    dispute: "This wasn’t me",
    disputeWhy: "Your provider is told, and does not act on it where it still can. This can’t be taken back.",
    disputed: "Told. The provider’s word follows as soon as it has replied.",
    save: "Save the evidence",
    saved: (path: string) => `Saved as ${path}`,
    savedHow: "Anybody can check it, offline, with countersign verify.",
  },

  settings: {
    title: "Settings",
    appearance: "Appearance",
    system: "As the system has it",
    light: "Light",
    dark: "Dark",
    about: "About",
    version: (version: string) => `Version ${version}`,
  },

  failure: {
    wrong_pin: (left: number) => `Wrong PIN. ${tries(left)} before the key is destroyed.`,
    pin_wait: (time: string) => `Too many wrong PINs. Try again in ${time}.`,
    pin_spent:
      "Ten wrong PINs: the approval key was destroyed. You can still deny. Enroll this device again to approve.",
    pin_not_digits: "A PIN has digits only.",
    pin_too_short: "A PIN has at least six digits.",
    pin_too_long: "A PIN has at most 64 digits.",
    not_verified: "Approving needs your PIN.",
    value_needed: "Enter the number that the other screen shows.",
    value_unfit: "This number does not fit. Look at the other screen again.",
    request_ended: "This request is over. Nothing was sent.",
    request_expired: "The time for this request is over. Nothing was sent.",
    already_answered: "You answered this request already.",
    answering: "You are answering this request. Confirm it, or deny it.",
    declined: "You did not confirm it. Nothing was signed.",
    locked: "The device was locked meanwhile. Nothing was signed.",
    not_confirmed_in_time: "It was not confirmed within two minutes. Nothing was signed.",
    display_changed: "What this request shows has changed. Read it again.",
    too_soon: "That was quick. Read it first, then press Approve again.",
    person_needed: "This account was enrolled by a program. A person can’t approve with it.",
    account_suspended:
      "Your provider has suspended this device: it may have been copied or restored. Nothing was signed. Ask your provider.",
    account_unknown:
      "Your provider does not know this device any more. Nothing was signed. Ask your provider, or enroll this device again.",
    account_revoked: "Your provider has removed this device. Nothing was signed. Enroll this device again.",
    account_unusable: "This account can’t be used on this device any more. Enroll again.",
    not_taken:
      "It is stored, but your provider did not take it: it does not let this device take part at the moment. It is sent as soon as it does. Ask your provider.",
    not_confirmed: "This account waits for its confirmation code.",
    stopped: "This account stopped after an earlier failure. Close Countersign and open it again.",
    invalid_link: "This is no enrollment link. Copy all of it and paste it again.",
    link_expired: "This link is too old. Ask for a new one.",
    link_not_verified: "This link was not made by the provider that it names. Don’t use it.",
    manifest_not_verified: "The provider’s keys do not verify. Don’t go on, and tell the provider.",
    registration_token_already_used: "This link was used already. Ask for a new one.",
    registration_token_expired: "This link is too old. Ask for a new one.",
    invalid_discovery: "What answered is not a provider that Countersign knows how to talk to.",
    not_a_provider: "What answered is not a provider that Countersign knows how to talk to.",
    no_reply: "The provider can’t be reached. Check the network and try again; the link still works.",
    certificate_unknown_authority:
      "The provider’s certificate is by an authority that this device does not trust. If it is a private one, add it to the system; if not, something may be posing as your provider.",
    certificate_expired:
      "The provider’s certificate is not valid at this time. Check this device’s clock; else your provider has to renew it.",
    certificate_wrong_name: "The provider’s certificate is for another name. Tell your provider.",
    certificate_of_authority: "The provider’s certificate is an authority’s own, not a server’s. Tell your provider.",
    certificate_unusable: "The provider’s certificate is revoked or damaged. Tell your provider.",
    invalid_name: "This name can’t be used. Choose another one.",
    no_link: "The link is not there any more. Ask for a new one.",
    other_pin: "This link was begun with another PIN. Use that one, or ask for a new link.",
    rate_limited: "The provider asks you to wait a little. Try again in a minute.",
    evidence_incomplete: "There is nothing signed about this request yet.",
    history_broken: "The record on this device was changed by something else. Don’t rely on it, and ask your provider.",
    not_saved: "The file could not be written. Is the disk full?",
    unknown: (code: string) => `That did not work, and nothing was sent. (${code})`,
  },
};

export type Words = typeof en;
