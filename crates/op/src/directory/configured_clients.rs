//! The clients in the configuration file, their secrets hashed.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_jose::random::Random;

use crate::config::{Client, ClientAuth, ClientSecret, StoredSecret};

/// Everybody in the configuration file who may ask, and the hashes of their secrets.
pub(crate) struct ConfiguredClients {
    by_id: HashMap<String, Arc<Client>>,
    /// Compared with when nobody has the id, so that both take the same time.
    pub(crate) decoy_secret: StoredSecret,
}

impl ConfiguredClients {
    pub(crate) fn new(clients: Vec<Client>, random: &dyn Random) -> ConfiguredClients {
        let decoy_secret = StoredSecret::Read(ClientSecret::random(random)).hashed(random);
        let by_id = clients.into_iter().map(|mut client| {
            if let ClientAuth::Secret { secret, only } = client.auth {
                client.auth = ClientAuth::Secret { secret: secret.hashed(random), only };
            }
            (client.client_id.clone(), Arc::new(client))
        });
        ConfiguredClients { by_id: by_id.collect(), decoy_secret }
    }

    /// The client of this id, if it stands in the configuration file.
    pub(crate) fn get(&self, client_id: &str) -> Option<&Arc<Client>> {
        self.by_id.get(client_id)
    }

    /// Every client in the configuration file, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.by_id.values()
    }
}
