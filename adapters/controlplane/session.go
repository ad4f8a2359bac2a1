package controlplane

import (
	"context"
	"encoding/json"
	"time"

	"github.com/coder/websocket"
)

// Timeouts of both roles. A large configuration may take a router seconds to
// compile and write to disk, during which it reads no pong: hence the long ones.
const (
	dialTimeout  = 10 * time.Second
	writeTimeout = 60 * time.Second
	pingEvery    = 30 * time.Second
	pongTimeout  = 60 * time.Second
)

// keepAlive pings until ctx ends, and cuts the connection when no pong comes:
// a peer that vanished without a word is noticed.
func keepAlive(ctx context.Context, conn *websocket.Conn) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		ping, cancel := context.WithTimeout(ctx, pongTimeout)
		err := conn.Ping(ping)
		cancel()
		if err != nil {
			_ = conn.CloseNow() // the reader reports it
			return
		}
	}
}

// write sends one text message.
func write(ctx context.Context, conn *websocket.Conn, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, data)
}

func writeAnswer(ctx context.Context, conn *websocket.Conn, a answer) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return write(ctx, conn, data)
}
