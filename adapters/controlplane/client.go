package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"lockstep/adapters/driver"
	"lockstep/adapters/lkg"
	"lockstep/core"
)

// Options are what a Client is made with.
type Options struct {
	// URL of the control plane: ws, wss, http or https; "/connect" is its default path.
	URL string
	// Token is sent as a bearer token; "" sends none.
	Token string
	// Insecure permits a URL on another machine without a token.
	Insecure bool
	// Seed of the back-off's jitter. It should differ from router to router.
	Seed uint64
	// Store keeps a copy of what was adopted; nil keeps none, and a restart
	// begins with the bootstrap file.
	Store *lkg.Store
	// Soak is how long a router must live with a configuration before it is kept
	// as the generation to come back to; 0 counts nothing and keeps one generation.
	Soak time.Duration
	// HTTP makes the connection; nil means http.DefaultClient.
	HTTP *http.Client
	// Log gets what happens; nil means slog.Default.
	Log *slog.Logger
}

// Client is a router's side of the protocol.
type Client struct {
	url    string
	dial   websocket.DialOptions
	driver *driver.Driver
	store  *lkg.Store
	soak   soak
	seed   uint64
	dials  uint64
	log    *slog.Logger
}

// NewClient returns a client that offers what it receives to d. The error says
// what is wrong with the options.
func NewClient(d *driver.Driver, o Options) (*Client, error) {
	url, err := checkURL(o.URL, o.Token, o.Insecure)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &Client{url: url, driver: d, store: o.Store, seed: o.Seed, log: o.Log.With("control_plane", url)}
	c.soak.after = o.Soak
	c.dial.HTTPClient = o.HTTP
	c.dial.HTTPHeader = http.Header{}
	if o.Token != "" {
		c.dial.HTTPHeader.Set("Authorization", "Bearer "+o.Token)
	}
	return c, nil
}

// Run connects, and connects again whenever the connection is lost, until ctx
// ends. It never gives up and never touches a request.
func (c *Client) Run(ctx context.Context) {
	defer c.leave()
	for attempt := 0; ; attempt++ {
		heard, err := c.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			attempt = 0
		}
		c.dials++
		wait := backoff(c.seed, c.dials, attempt)
		c.log.Warn("control plane away; the configuration in force stays", "error", err, "retry_in", wait.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// session is one connection; heard says whether a snapshot came through it.
func (c *Client) session(ctx context.Context) (heard bool, err error) {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	conn, response, err := websocket.Dial(dialing, c.url, &c.dial)
	cancel()
	if err != nil {
		if response != nil && response.StatusCode == http.StatusUnauthorized {
			return false, errors.New("the control plane refused the token; both sides must hold the same one")
		}
		return false, err
	}
	defer conn.CloseNow() //nolint:errcheck // a router has nothing to say at its end
	conn.SetReadLimit(maxSnapshot)

	c.driver.Control(true)
	defer c.driver.Control(false)
	c.log.Info("connected to the control plane")

	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	go keepAlive(ctx, conn)
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return heard, err
		}
		reply, ok := c.receive(message)
		if !ok {
			continue
		}
		heard = true
		if err := writeAnswer(ctx, conn, reply); err != nil {
			return heard, fmt.Errorf("answering: %w", err)
		}
	}
}

// receive acts on one message; ok is false when it wants no answer.
func (c *Client) receive(message []byte) (reply answer, ok bool) {
	p, err := decodePush(message)
	if errors.Is(err, errNotSnapshot) {
		c.log.Warn("ignored a message from the control plane", "error", err)
		return answer{}, false
	}
	if err == nil {
		err = c.adopt(p)
	} else {
		c.refuse(core.FaultInvalid)
	}
	if err != nil {
		c.log.Error("refused a push; the configuration in force stays", "version", p.version, "error", err)
		return nack(p.version, err), true
	}
	return ack(p.version), true
}

// adopt validates a push, keeps it on disk and puts it in force, in the order
// of R13. Whatever is refused is offered to the router as a fault, so that the
// recording knows of it.
func (c *Client) adopt(p push) error {
	config, err := compile("push", p.body)
	if err == nil && p.version != config.Version() {
		err = fmt.Errorf("the message says version %q, the configuration in it %q", p.version, config.Version())
	}
	if err != nil {
		c.refuse(core.FaultInvalid)
		return err
	}
	if fault, err := c.begin(&p); err != nil {
		c.refuse(fault)
		return err
	}
	if d := c.offer(config, p.deliberate); d.Kind != core.Ack {
		c.abandon(&p)
		return refusal(&d)
	}
	c.soaking(p.body)
	if c.store != nil {
		if err := c.store.Commit(); err != nil {
			return fmt.Errorf("not_persisted: in force, but a restart may begin with the one before: %w", err)
		}
	}
	return nil
}

func (c *Client) offer(config *core.Config, deliberate bool) core.Decision {
	if deliberate {
		return c.driver.AdoptDeliberate(config, core.Epoch{})
	}
	return c.driver.Adopt(config, core.Epoch{}, core.OriginControl, core.FaultNone)
}

// refusal says in words why the router refused a push.
func refusal(d *core.Decision) error {
	how := d.GuardText()
	if how == "" {
		return errors.New(d.Cause.String())
	}
	return fmt.Errorf("%s: %s, more than control_plane.refuse_push_over lets a push change; if that is meant, mark this version deliberate", d.Cause, how)
}

func (c *Client) refuse(f core.Fault) {
	c.driver.Adopt(nil, core.Epoch{}, core.OriginControl, f)
}
