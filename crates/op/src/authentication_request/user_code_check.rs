//! `user_code` (CIBA Core §7.1): a client may have somebody asked only if it knows what that person alone tells it. Against
//! prompts out of the blue; it lets nobody in.

use countersign_gateway::Ports;
use countersign_store::Store;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_gateway::keys::{self, KeyError};
use countersign_jose::clock::Clock;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_store::Error as StoreError;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::config::{Client, User, UserCode};
use crate::directory::UserIdentifier;
use crate::http::failed;
use crate::http::{ErrorCode, OAuthError};
use crate::store::{self, GuessTurn, UserCodeGuess};

/// How many codes are checked at the same time; each takes 19 MiB and most of a core for as long as it lasts.
const AT_ONCE: usize = 2;

/// What checking codes needs.
pub(crate) struct UserCodes {
    config: Arc<Config>,
    store: Store,
    clock: Arc<dyn Clock>,
    /// For names that are nobody's.
    nobody: UserCode,
    /// Decides which of those seem to have a code.
    secret: Zeroizing<[u8; 32]>,
    busy: Semaphore,
    /// How many people have a code, and how many there are.
    share: Mutex<(u64, u64)>,
}

impl UserCodes {
    /// Reads its secret from the home's keys, or makes it.
    pub(crate) fn open(
        config: Arc<Config>,
        store: Store,
        directory: &std::path::Path,
        ports: &Ports,
    ) -> Result<UserCodes, KeyError> {
        let secret = keys::load_or_create_secret(directory, "user-codes", &*ports.random)?;
        Ok(UserCodes {
            config,
            store,
            clock: ports.clock.clone(),
            nobody: UserCode::decoy(&*ports.random),
            secret,
            busy: Semaphore::new(AT_ONCE),
            share: Mutex::default(),
        })
    }

    /// Whether a name that is nobody's is treated like that of somebody with a code: always the same, and as often as real
    /// people have one, so that the answer tells nothing.
    fn pretends(&self, named: &UserIdentifier) -> bool {
        let digest = Hash::of_parts(&[&*self.secret, named.digest().as_bytes()]);
        let drawn = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from(u32::from_be_bytes(*bytes)));
        let (with_code, all) = *self.share.lock().unwrap_or_else(PoisonError::into_inner);
        drawn * all < with_code << 32
    }
}

impl UserCodes {
    /// Counts how many people have a code, for names that are nobody's. Blocks the thread.
    pub(crate) fn count_user_codes(&self) -> Result<(), StoreError> {
        self.note_user_codes(self.store.read_blocking(store::directory_entries::users_with_code)?);
        Ok(())
    }

    /// Counts them anew.
    pub(crate) async fn recount_user_codes(&self) -> Result<(), StoreError> {
        self.note_user_codes(self.store.read_slow(store::directory_entries::users_with_code).await?);
        Ok(())
    }

    /// `beside`: how many of those beside the configuration file have a code, and how many there are.
    fn note_user_codes(&self, beside: (u64, u64)) {
        let (with_code, all) = self.config.users.with_code();
        *self.share.lock().unwrap_or_else(PoisonError::into_inner) = (with_code + beside.0, all + beside.1);
    }

    /// Lets a request pass if it brings the person's code, or if it needs none. `known` is who has the name, locked or not.
    ///
    /// # Errors
    /// `missing_user_code`, and `invalid_user_code` also for a right one that comes too soon after wrong ones.
    pub(crate) async fn check_user_code(
        &self,
        code: Option<Secret>,
        client: &Client,
        named: &UserIdentifier,
        known: Option<&User>,
    ) -> Result<(), OAuthError> {
        if !client.needs_user_code() {
            return Ok(());
        }
        let expected = match known {
            Some(user) => user.user_code.clone(),
            None => self.pretends(named).then(|| self.nobody.clone()),
        };
        let Some(expected) = expected else { return Ok(()) };
        let Some(code) = code else {
            return Err(OAuthError::new(
                ErrorCode::MissingUserCode,
                "requests for this user need a user_code: send it",
            ));
        };
        let guess = UserCodeGuess {
            client_id: client.client_id.clone(),
            name: named.digest(),
            sub: known.map(|user| user.sub.as_str().to_owned()),
            per_hour: client.policy.user_code_guesses_per_hour,
        };
        if let GuessTurn::Wait(seconds) = self.count(guess.clone()).await? {
            let what = format!("too many wrong user codes: wait {seconds} seconds before the next one");
            return Err(OAuthError::new(ErrorCode::InvalidUserCode, what).with_retry_after(seconds));
        }
        if !self.is_right(expected, code).await? {
            return Err(OAuthError::new(
                ErrorCode::InvalidUserCode,
                "the user_code is wrong: ask the user for it again",
            ));
        }
        let taken_back = self.store.write(move |transaction| store::confirm_guess(transaction, &guess)).await;
        taken_back.map_err(not_stored)
    }

    async fn count(&self, guess: UserCodeGuess) -> Result<GuessTurn, OAuthError> {
        let now = self.clock.now();
        let turn = self.store.write(move |transaction| store::guess(transaction, &guess, now)).await;
        turn.map_err(not_stored)
    }

    /// Compares on a thread where nobody waits for the next request.
    async fn is_right(&self, expected: UserCode, code: Secret) -> Result<bool, OAuthError> {
        let permit = self.busy.acquire().await.map_err(|error| failed(&error))?;
        let compared = tokio::task::spawn_blocking(move || expected.matches(&code)).await;
        drop(permit);
        compared.map_err(|error| failed(&error))
    }
}

fn not_stored(error: StoreError) -> OAuthError {
    failed(&error)
}
