//! Owns what the hub is compared with: a WebSocket echo as warp's documentation writes it.

use std::io::Write;

use futures_util::{SinkExt, StreamExt};
use warp::Filter;

pub const ARGUMENT: &str = "echo-server";

pub fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let route = warp::path("echo").and(warp::ws()).map(|ws: warp::ws::Ws| {
            ws.on_upgrade(|socket| async move {
                let (mut sink, mut stream) = socket.split();
                while let Some(Ok(message)) = stream.next().await {
                    if message.is_text() && sink.send(message).await.is_err() {
                        return;
                    }
                }
            })
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        std::io::stdout().flush().expect("someone reads");
        warp::serve(route).incoming(listener).run().await;
    });
}
