package httpproxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// A team with a Go routing layer of its own puts the router behind its own
// handlers, or uses it as the transport of its own client.
func Example() {
	cell := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello from the cell") }))
	defer cell.Close()
	config, err := core.Compile(core.Spec{
		Version: "1", Default: "shared",
		Placements: []core.PlacementSpec{{
			Name:      "shared",
			Kind:      core.ReasonTier,
			Endpoints: []core.EndpointSpec{{URL: cell.URL}},
			Health:    core.HealthSpec{Off: true},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := driver.New(driver.Options{})
	d.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)

	handler := httpproxy.NewHandler(d, httpproxy.Options{})
	trip := httpproxy.NewRoundTripper(d, httpproxy.Options{})
	d.Handle(handler.Deliver)
	d.Handle(trip.Deliver)
	d.Run(context.Background())
	defer d.Close()

	router := httptest.NewServer(handler)
	defer router.Close()
	clients := map[string]*http.Client{router.URL: http.DefaultClient, "http://any.name": {Transport: trip}}
	for _, url := range []string{router.URL, "http://any.name"} {
		r, _ := http.NewRequest("GET", url, nil)
		r.Header.Set("X-Routing-Key", "somebody")
		res, err := clients[url].Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(res.Status, res.Header.Get("X-Routed-To"), res.Header.Get("X-Route-Reason"), string(body))
	}
	// Output:
	// 200 OK shared default hello from the cell
	// 200 OK shared default hello from the cell
}
