// English. Every language has the same members; a missing one does not compile. Words that only people of the field know (provider,
// device, client, enrollment, evidence) stay off the screens: parties have their names, the rest an everyday word.

import type { Here } from "../backend/backend";

const plural = new Intl.PluralRules("en");
/** Tries are told from the fifth wrong PIN on. */
export const TRIES_TOLD = 5;
const tries = (count: number) => (plural.select(count) === "one" ? `${count} try is left` : `${count} tries are left`);

const HERE: Record<Here, string> = { computer: "this computer", phone: "this phone" };

/** In place of a name that is not known. */
const SOMEBODY = "whoever has your account";

export const english = (here: Here) => {
  const device = HERE[here];
  const Device = device.replace("t", "T");
  return {
    app: "Countersign",
    nav: { requests: "Requests", accounts: "Accounts", activity: "Activity", settings: "Settings", label: "Main" },
    back: "Back",
    cancel: "Cancel",
    continue: "Continue",
    done: "Done",
    starting: "Opening your accounts …",
    checking: "Checking …",

    trouble: {
      title: "Your accounts can’t be opened",
      home_in_use: "They are already open in another window or program. Close that one, then open this again.",
      store_newer:
        "Your accounts were written by a newer version of this program. Update it, then open it again. Nothing was changed.",
      other: "Your accounts could not be opened. Nothing was changed or removed. Close this window and open it again.",
      details: "What the program says",
    },

    welcome: {
      title: "Approve what is asked of you",
      lead: "You see who asks, for what and how much, and answer here.",
      how: "You need a set-up link.",
      have: "I have a link",
      whence: "Your bank, your employer or a shop shows the link, wherever you have an account.",
    },

    link: {
      title: "Add an account",
      label: "Set-up link",
      help: "Paste it here. It works once, for ten minutes.",
      checking: "Checking who made this link …",
      waiting: "A link was handed over.",
    },

    preview: {
      title: `Set up ${device}?`,
      /** Between the domain and the user, and after the user. */
      wants: [`wants to ask ${device} for the approvals of`, ""],
      callsItself: (provider: string) => `${provider} (calls itself so)`,
      also: (ascii: string) => `In plain letters: ${ascii}`,
      isNew: "New here",
      ask: "Only if you asked for this link yourself.",
      confirm: `Yes, set up ${device}`,
      cancel: "No, cancel",
      pin: "Use a PIN instead",
      again: "I approved here before",
    },

    test: { badge: "TEST", words: "Nothing here is real" },

    pin: {
      title: "Choose a PIN",
      lead: "You type it whenever you approve.",
      label: "PIN, six digits or more",
      again: "The same PIN again",
      differs: "The two PINs are not the same.",
      name: `Name of ${device}`,
      protection: "What it protects",
      protects: `The PIN protects your approvals on ${device}; denying never asks for it. After ten wrong ones approving is switched off here, and you set up ${device} again. Somebody who copies its files can try PINs: use one that nobody guesses.`,
      enroll: `Set up ${device}`,
      enrolling: "Setting up …",
    },

    code: {
      title: "Type this code",
      lead: (host: string) => `On the page of ${host} that showed the link.`,
      digits: (code: string) => [...code].join(" "),
      waiting: "Waiting for the code …",
      confirmed: `Confirmed. ${Device} is set up.`,
      lost: "The code is not known any more. Ask for a new link.",
      later: "Later",
    },

    wake: {
      title: `Wake ${device}`,
      lead: (host: string) =>
        `So that ${host} reaches you while this page is closed. You are asked to allow notifications.`,
      ask: `Wake ${device}`,
      asking: "Asking …",
      without: "Go on without",
      on: `Done. ${Device} is woken when somebody asks you.`,
      failed: {
        refused: "You did not allow it.",
        blocked: "Notifications are blocked for this page.",
        unsupported: "This browser can’t be woken.",
        absent: "This browser reaches no push service.",
        silent: "The browser did not answer within ten seconds.",
      },
      instead: "Open this page when somebody asks you.",
      cant: `${Device} can’t be woken.`,
      why: {
        askable: "It was not allowed yet.",
        denied: "To allow it: open the settings of this page, beside its address, and allow notifications.",
        unsupported: "Try another browser. On an iPhone add this page to the home screen, and open it there.",
        not_pushed: (host: string) => `${host} wakes nobody.`,
        not_told: (host: string) => `It is allowed. ${host} learns of it when it next answers.`,
      },
      tryIt: "Try it",
      trying: "Trying …",
      tried: {
        sent: (millis: number) => `Sent after ${millis} ms.`,
        accepted: (service: string, millis: number) => `Taken by ${service} after ${millis} ms more.`,
        notAccepted: (service: string) => `${service} did not take it.`,
        arrived: (millis: number) => `Here ${millis} ms after you pressed. It works.`,
        notArrived: "It did not arrive here within ten seconds.",
      },
    },

    practice: {
      title: "Practise once",
      lead: (host: string) => `${host} sends a request that is marked PRACTICE. Whatever you answer, nothing happens.`,
      start: "Start practice",
      starting: "On its way …",
      late: "It has not come yet. Check the network, or go on without.",
      skip: "Not now",
    },

    requests: {
      title: "Requests",
      empty: "Nothing to approve",
      emptyHow: "What somebody asks of you appears here by itself.",
      connected: (hosts: string) => `Connected to ${hosts}`,
      connectedMany: (count: number) => `Connected to ${count} services`,
      notConnected: "Not connected",
      checked: (ago: string) => `checked ${ago}`,
      justNow: "just now",
      ago: (count: number, unit: "s" | "min" | "h") => `${count} ${unit} ago`,
      checkNow: "Check now",
      held: (count: number) => `Quiet (${count})`,
      heldWhy: "These came without a sound: whoever asks did so too often, or you said that it wasn’t you.",
      newLink: "A set-up link was handed over.",
      openLink: "Look at it",
      kept: (what: string) => `${what}. Your answer is kept and will be sent.`,
      notTaken: (what: string) => `${what}. Your answer was not taken yet; it is kept.`,
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
        certificate_unknown_authority: `Its certificate is by an authority that ${device} does not trust. If it is a private one, add it to the system; if not, something may be posing as it.`,
        certificate_expired: `Its certificate is not valid at this time. Check the clock of ${device}; else whoever runs it has to renew it.`,
        certificate_wrong_name: "Its certificate is for another name. Tell whoever runs it.",
        certificate_of_authority: "Its certificate is an authority’s own, not a server’s. Tell whoever runs it.",
        certificate_unusable: "Its certificate is revoked or damaged. Tell whoever runs it.",
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
      unrecognised: "This kind of request is not known here. All of it is shown. I have read it.",
      pinLabel: "Your PIN",
      sending: "Signing and sending …",
      minute: "One minute left",
      seconds: "Ten seconds left",
      ended: "This request is over.",
    },

    /** What a scope of OpenID Connect Core §5.4 lets its client do. */
    scopes: {
      openid: "to learn who you are",
      profile: "to see your name and profile",
      email: "to see your email address",
      phone: "to see your phone number",
      address: "to see your postal address",
    },

    ending: {
      approved: "Approved",
      denied: "Denied",
      expired: "Expired. Nobody answered in time.",
      answered_elsewhere: "Answered elsewhere.",
      cancelled: "Called off by the one who asked.",
      mismatch: "The number was wrong. The request has ended, and nothing was approved.",
      refused: "This request could not be shown as it was asked. It has ended.",
      disputed: "You said that this wasn’t you. They were told.",
      unknown: "This request has ended.",
      gone: "This request is not known any more.",
    },

    result: {
      payment: (amount: string, payee: string) => (payee ? `${amount} to ${payee}` : amount),
      other: (kind: string, client: string) => `${kind} for ${client}`,
      cancelled: (client: string) => `${client} cancelled this.`,
      elsewhere: (by: string) => `Answered on ${by}.`,
      reference: (reference: string) => `Reference ${reference}`,
      line: (what: string, about: string, time: string) => `${what} ${about} · ${time}`,
      ended: (about: string, what: string, time: string) => `${about}: ${what} · ${time}`,
    },

    kind: { login: "Sign-in", payment: "Payment", consent: "Consent", device: "New device", other: "Approval" },

    notMe: {
      title: "Denied. You said it wasn’t you.",
      held: (client: string, time: string) => `Until ${time} ${client} asks without a sound.`,
      heldLater: (client: string) => `${client} asks without a sound as soon as your answer has arrived.`,
      help: (provider: string) => `If you are worried, ask ${provider}:`,
      noHelp: (provider: string) => `If you are worried, ask ${provider}, by a number that you know yourself.`,
    },

    accounts: {
      title: "Accounts",
      add: "Add an account",
      active: "In use",
      unconfirmed: "Waiting for the confirmation code",
      showCode: "Show the code",
      at: (user: string, host: string) => `${user} at ${host}:`,
      not_known: (time: string, host: string) =>
        `Not known there since ${time}. Nothing is lost; it is asked again every hour. If it stays so, ask ${host}, or set up ${device} again.`,
      suspended: (time: string, host: string) =>
        `Switched off since ${time}: ${device} may have been copied or restored. Ask ${host} to switch it on, or set up ${device} again.`,
      revoked: (time: string, host: string) =>
        `Removed by ${host} on ${time}. The activity stays. Set up ${device} again to use it.`,
      unusable: `Can’t be used on ${device}. Set it up again.`,
      cannotApprove: `Can deny, and can’t approve any more: approving was switched off after ten wrong PINs. Your money and your account are not affected. Set up ${device} again.`,
      device: (deviceName: string) => `${Device} is called ${deviceName}`,
      protection: {
        file_keyring: `Approvals are protected by your PIN and by the keyring of ${device}`,
        file_pin: "Approvals are protected by your PIN",
        other: (level: string) => `Approvals are protected by: ${level}`,
      },
      help: "Help line",
    },

    activity: {
      title: "Activity",
      empty: "Nothing has been asked of you yet.",
      loading: "Reading the record …",
      unreadable: "A request that could not be read",
      refused: "Not shown: it could not be verified or shown whole",
      waiting: "Waits for an answer",
      sending: "Answered; no reply yet",
      shown: "What was on the screen",
      notShown: `It was not answered on ${device}, so nothing of the screen was kept.`,
      dispute: "This wasn’t me",
      disputeWhy: (host: string) =>
        `${host} is told, and does not act on it where it still can. This can’t be taken back.`,
      disputed: "Told. The reply follows.",
      save: "Save the proof",
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
      wrong_pin: (left: number) =>
        left > TRIES_TOLD
          ? "Wrong PIN."
          : `Wrong PIN. ${tries(left)} before approving on ${device} is switched off. Your money and your account are not affected.`,
      pin_wait: (time: string) => `Too many wrong PINs. Try again in ${time}.`,
      pin_spent: `Approving on ${device} is switched off after ten wrong PINs. Your money and your account are not affected. You can still deny. To approve, set up ${device} again.`,
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
      declined: `It was cancelled, or ${device} did not recognise you. Nothing was signed. You can try again.`,
      key_store_silent: "Nobody confirmed it in time. Nothing was signed. Try again when you are ready.",
      key_gone: `${Device} has lost its key for this account. Nothing was sent. Ask for a new set-up link.`,
      key_unreadable: `The key of this account on ${device} can’t be read. Nothing was sent. Ask for a new set-up link.`,
      key_store_unusable: `${Device} could not use its key. Nothing was sent. Try again.`,
      unknown_passkey: "That passkey belongs to nobody here. Set up anew instead.",
      resume_not_allowed:
        "Going on without a link works only in the first minutes after it was set up. Ask for a new set-up link.",
      no_screen_lock: `${Device} has no screen lock. Nothing was sent. Set one, and try again.`,
      no_passkeys: "This browser can’t ask for your screen lock. Nothing was sent. Open this page in another browser.",
      locked: `${Device} was locked meanwhile. Nothing was signed.`,
      not_confirmed_in_time: "It was not confirmed within two minutes. Nothing was signed.",
      keyring_locked: `The keyring of ${device} is locked. Nothing was signed. Unlock it and try again.`,
      keyring_absent: `The keyring of ${device} does not answer. Nothing was signed. Log in to the desktop and try again.`,
      keyring_silent: `The keyring of ${device} did not answer in time. Nothing was signed. Try again.`,
      keyring_refused: `The keyring of ${device} refused. Nothing was signed. Try again.`,
      keyring_unsupported: `Countersign can’t use the keyring of ${device}. Nothing was signed.`,
      keyring_emptied: `The keyring of ${device} has nothing for this account: it was emptied, or the account was copied from elsewhere. Nothing was signed. Bring the keyring back, or set up ${device} again.`,
      keyring_replaced: `The keyring of ${device} is another one than when this account was set up. Nothing was signed. Bring the old one back, or set up ${device} again.`,
      display_changed: "What this request shows has changed. Read it again.",
      too_soon: "That was quick. Read it first, then press Approve again.",
      shared_device: `Several people use ${device} now, so its screen lock approves nothing. You can still deny. Ask for a new link and choose a PIN.`,
      shared_not_allowed: `${Device} is used by several people, and that is not taken there. Use one of your own.`,
      person_needed: "This account was set up by a program. A person can’t approve with it.",
      account_suspended: (who = SOMEBODY) =>
        `${Device} was switched off for this account: it may have been copied or restored. Nothing was signed. Ask ${who}.`,
      account_unknown: (who = SOMEBODY) =>
        `${Device} is not known there any more. Nothing was signed. Ask ${who}, or set up ${device} again.`,
      account_revoked: `${Device} was removed from this account. Nothing was signed. Set it up again.`,
      account_unusable: `This account can’t be used on ${device} any more. Set it up again.`,
      not_taken: (who = SOMEBODY) =>
        `Your answer is kept, but ${device} may not take part at the moment. It is sent as soon as it may. Ask ${who}.`,
      not_confirmed: "This account waits for its confirmation code.",
      stopped: "This account stopped after an earlier failure. Close this window and open it again.",
      invalid_link: "This is no set-up link. Copy all of it and paste it again.",
      link_expired: "This link is too old. Ask for a new one.",
      link_not_verified: "This link was not made by the one that it names. Don’t use it.",
      manifest_not_verified: "What answered could not prove who it is. Don’t go on.",
      registration_token_already_used: "This link was used already. Ask for a new one.",
      registration_token_expired: "This link is too old. Ask for a new one.",
      invalid_discovery: "What answered can’t set up approvals. Check the link.",
      not_a_provider: "What answered can’t set up approvals. Check the link.",
      no_reply: "No answer. Check the network and try again; the link still works.",
      certificate_unknown_authority: `The certificate there is by an authority that ${device} does not trust. If it is a private one, add it to the system; if not, something may be posing as the one that the link names.`,
      certificate_expired: `The certificate there is not valid at this time. Check the clock of ${device}; else whoever runs it has to renew it.`,
      certificate_wrong_name: "The certificate there is for another name. Tell whoever gave you the link.",
      certificate_of_authority:
        "The certificate there is an authority’s own, not a server’s. Tell whoever gave you the link.",
      certificate_unusable: "The certificate there is revoked or damaged. Tell whoever gave you the link.",
      invalid_name: "This name can’t be used. Choose another one.",
      no_link: "The link is not there any more. Ask for a new one.",
      other_pin: "This link was begun with another PIN. Use that one, or ask for a new link.",
      other_key: "This link was begun with another protection of approvals. Ask for a new link.",
      no_push: "Nobody is woken from there.",
      push_address_not_allowed: "Who asks does not push to this browser’s service.",
      rate_limited: "Too many tries. Try again in a minute.",
      evidence_incomplete: "There is nothing signed about this request yet.",
      history_broken: (who = SOMEBODY) =>
        `The record on ${device} was changed by something else. Don’t rely on it, and ask ${who}.`,
      not_saved: "The file could not be written. Is the disk full?",
      unknown: (code: string) => `That did not work, and nothing was sent. (${code})`,
    },
  };
};

export type Words = ReturnType<typeof english>;

export const en = english("computer");
