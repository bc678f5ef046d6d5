//! Owns what the hub is compared with: a WebSocket echo over warp's own filter, as warp's example writes it.

use std::io::Write;

use futures_util::StreamExt;
use warp::Filter;

pub const ARGUMENT: &str = "echo-server";

pub fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let route = warp::path("echo").and(warp::ws()).map(|ws: warp::ws::Ws| {
            ws.on_upgrade(|socket| async move {
                // What comes in at once is written at once, as the hub's connections do it too.
                let (sink, stream) = socket.split();
                let _ = stream.forward(sink).await;
            })
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        std::io::stdout().flush().expect("someone reads");
        warp::serve(route).incoming(listener).run().await;
    });
}
