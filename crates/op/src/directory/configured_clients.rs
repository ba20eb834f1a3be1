//! The clients in the configuration file, their secrets hashed.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_jose::random::Random;

use crate::config::{Client, ClientAuth, ClientSecret, StoredSecret};

/// Clients of the configuration file by id.
pub(crate) struct ConfiguredClients {
    by_id: HashMap<String, Arc<Client>>,
    /// Compared with for an unknown id, so that it takes as long as a known one.
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

    /// The client with this id.
    pub(crate) fn get(&self, client_id: &str) -> Option<&Arc<Client>> {
        self.by_id.get(client_id)
    }

    /// Every client in the configuration file, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.by_id.values()
    }
}
