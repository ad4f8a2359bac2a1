package driver_test

import (
	"context"
	"fmt"

	"lockstep/adapters/driver"
	"lockstep/core"
)

func Example() {
	d := driver.New(driver.Options{})
	d.Handle(func(x driver.Delivery) { fmt.Println("sink:", x.Kind) })
	c, err := core.Compile(core.Spec{
		Version: "1", Default: "visa",
		Placements: []core.PlacementSpec{{
			Name:      "visa",
			Endpoints: []core.EndpointSpec{{URL: "http://127.0.0.1:9001"}},
			Health:    core.HealthSpec{Off: true},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)

	a := d.Arrive(driver.Arrival{Key: "somebody"})
	fmt.Println(a.Kind, a.URL, a.Reason)
	d.Finish(a.Handle, core.ClassNone, 200, true)

	d.Run(context.Background())
	d.Close()
	// Output:
	// forward http://127.0.0.1:9001 default
	// sink: adopted
}
