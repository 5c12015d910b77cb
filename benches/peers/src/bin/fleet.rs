//! Opens a session on each of so many hosts, runs one command and closes it, with psrp-rs over winrm-rs.
//!
//! Usage: fleet PORT HOSTS
#![forbid(unsafe_code)]

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use psrp_rs::{PsValue, RunspacePool, WinrmClient, WinrmConfig, WinrmCredentials, WinrmPsrpTransport};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Hosts that are worked on at once, as many as pypsrp has threads.
const AT_ONCE: usize = 64;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(hosts)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fleet PORT HOSTS".into());
    };
    let (port, hosts): (u16, u32) = (port.parse()?, hosts.parse()?);
    let config = WinrmConfig { port: Some(port), ..WinrmConfig::http() };
    let client = Arc::new(WinrmClient::new(config, WinrmCredentials::new("alice", "Throw-away.1", ""))?);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 1));
    let began = Instant::now();
    let mut works = JoinSet::new();
    for number in 0..hosts {
        let place = Arc::clone(&room).acquire_owned().await?;
        let (client, address) = (Arc::clone(&client), Ipv4Addr::from(first + number).to_string());
        works.spawn(async move {
            let done = work(&client, &address).await;
            drop(place);
            done
        });
    }
    while let Some(done) = works.join_next().await {
        done??;
    }
    let taken = began.elapsed().as_secs_f64();
    let rate = f64::from(hosts) / taken;
    println!("{:<30} {hosts:>6} hosts {taken:>8.2} s {rate:>8.0}/s", "psrp-rs, opened to closed");
    Ok(())
}

async fn work(client: &WinrmClient, address: &str) -> Result<(), psrp_rs::PsrpError> {
    let (id, opening) = RunspacePool::<WinrmPsrpTransport>::build_creation_fragments(1, 1)?;
    let transport = WinrmPsrpTransport::open(client, address, &opening).await?;
    let mut pool = RunspacePool::open_from_transport(transport, id, 1, 1).await?;
    assert_eq!(pool.run_script("Write-Output hello").await?, [PsValue::String("hello".to_owned())]);
    pool.close().await
}
