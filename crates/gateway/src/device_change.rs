//! What a device changes about itself: its push address and its name.

use countersign_protocol::id::DeviceId;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::push::{DevicePatch, DeviceResponse};
use countersign_protocol::{limits, text};

use crate::Gateway;
use crate::answer::not_found;
use crate::rejection::{Rejection, reject};
use crate::store::{devices, push_addresses};

impl Gateway {
    /// Applies a merge patch (RFC 7396) to the device. A new name makes a new enrollment statement.
    pub(crate) async fn change_device(
        &self,
        device: &DeviceId,
        patch: DevicePatch,
    ) -> Result<DeviceResponse, Rejection> {
        let invalid = |words: &str| reject(ProblemCode::InvalidRequest, words);
        let name = match patch.device_name {
            None => None,
            Some(None) => return Err(invalid("A device's name can't be removed.")),
            Some(Some(name)) => {
                text::check(&name, limits::NAME_CHARACTERS).map_err(|_| invalid("device_name can't be displayed."))?;
                Some(name)
            }
        };
        let address = match patch.push_address {
            None => None,
            Some(None) => Some(None),
            Some(Some(address)) => Some(Some(self.check_push_address(address)?)),
        };
        let (gateway, id) = (self.clone(), device.clone());
        self.store()
            .write(move |tx| -> Result<DeviceResponse, Rejection> {
                match &address {
                    None => {}
                    Some(None) => push_addresses::remove(tx, &id)?,
                    Some(Some(checked)) => gateway.keep_push_address(tx, &id, checked)?,
                }
                if let Some(name) = &name {
                    gateway.rename_device_in(tx, &id, name)?;
                }
                let device = devices::by_id(tx, &id)?.ok_or_else(not_found)?;
                if address.is_some() {
                    // Its streams tell it of the address's new state.
                    tx.notify_after_commit(id.as_str());
                }
                Ok(DeviceResponse { push: gateway.push_status(tx, &id)?, device_name: device.name })
            })
            .await
    }
}
