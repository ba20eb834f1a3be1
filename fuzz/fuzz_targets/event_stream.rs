//! Server-Sent Events as a device reads them, in chunks of any size: cut anywhere, the same events come out.
#![no_main]

use countersign_device::fuzzing::event_stream;
use countersign_device::ports::transport::StreamEvent;
use countersign_protocol::fetch::FetchResponse;
use countersign_protocol::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let whole = event_stream(vec![stream.to_vec()]);
    let size = usize::from(*cut).max(1);
    let parts = event_stream(stream.chunks(size).map(<[u8]>::to_vec).collect());
    assert_eq!(format!("{whole:?}"), format!("{parts:?}"), "in chunks of {size}");
    for event in whole {
        if let Ok(StreamEvent::Update(update)) = event {
            let _ = json::parse::<FetchResponse>(&update);
        }
    }
});
