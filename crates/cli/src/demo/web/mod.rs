//! Web pages of the demo, served by its own process: a till, a call centre, a bike station, an AI agent.

mod app_window;
mod customer_records;
mod device_page_build;
mod enrollment_links;
mod page_files;
mod page_routes;
mod page_server;
mod page_steps;
mod recorded_approval;
mod request_log;
mod same_origin;
mod tamper;

pub use device_page_build::DevicePageBuild;
pub use page_server::{AppLaunch, PageServer};
