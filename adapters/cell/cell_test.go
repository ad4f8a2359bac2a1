package cell_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/cell"
)

func ask(c http.Handler, method, target string) (int, string) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("X-Routing-Key", "visa")
	c.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

const sound = `{"fail":0,"latency":"0s","hang":false,"refuse":false,"health":"ok"}`

func TestAStoryOfACell(t *testing.T) {
	rows := []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/a?b=c", 200, `{"cell":"visa","method":"GET","path":"/a","query":"b=c","routing_key":"visa","body_bytes":0}`},
		{"GET", "/health", 200, `{"cell":"visa","status":"healthy"}`},
		{"GET", "/fault", 200, sound},
		{"POST", "/fault?fail=100", 200, `{"fail":100,"latency":"0s","hang":false,"refuse":false,"health":"ok"}`},
		{"GET", "/", 500, `{"cell":"visa","error":"told to fail, see /fault"}`},
		{"GET", "/health", 200, `{"cell":"visa","status":"healthy"}`},
		{"POST", "/fault?health=fail&latency=20ms", 200, `{"fail":100,"latency":"20ms","hang":false,"refuse":false,"health":"fail"}`},
		{"GET", "/health", 503, `{"cell":"visa","status":"unhealthy"}`},
		{"POST", "/fault?fail=101", 400, `{"error":"fail=\"101\": say how many percent of requests fail, 0 to 100"}`},
		{"POST", "/fault?latency=-1s", 400, `{"error":"latency=\"-1s\": say a time with its unit, such as 200ms"}`},
		{"POST", "/fault?hang=maybe", 400, `{"error":"hang=\"maybe\": say true or false"}`},
		{"POST", "/fault?refuse=1.5", 400, `{"error":"refuse=\"1.5\": say true or false"}`},
		{"POST", "/fault?health=sick", 400, `{"error":"health=\"sick\": say ok or fail"}`},
		{"POST", "/fault?x=1", 400, `{"error":"x=\"1\": there is no such knob: use fail, latency, hang, refuse or health"}`},
		{"PATCH", "/fault", 405, `{"error":"use GET, POST or DELETE"}`},
		{"GET", "/fault", 200, `{"fail":100,"latency":"20ms","hang":false,"refuse":false,"health":"fail"}`},
		{"DELETE", "/fault", 200, sound},
		{"GET", "/health", 200, `{"cell":"visa","status":"healthy"}`},
	}
	c := cell.New("visa")
	for i, row := range rows {
		if status, body := ask(c, row.method, row.target); status != row.status || body != row.body {
			t.Errorf("step %d, %s %s: %d %s, want %d %s", i, row.method, row.target, status, body, row.status, row.body)
		}
	}
}

func TestTheShareOfFailuresIsExact(t *testing.T) {
	for _, percent := range []string{"0", "1", "30", "99", "100"} {
		c := cell.New("c")
		ask(c, "POST", "/fault?fail="+percent)
		failed := 0
		for range 200 {
			if status, _ := ask(c, "GET", "/"); status == 500 {
				failed++
			}
		}
		if want := map[string]int{"0": 0, "1": 2, "30": 60, "99": 198, "100": 200}[percent]; failed != want {
			t.Errorf("fail=%s: %d of 200 failed, want %d", percent, failed, want)
		}
	}
}

func TestLatencyPassesBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cell.New("c")
		ask(c, "POST", "/fault?latency=200ms")
		begin := time.Now()
		if status, _ := ask(c, "GET", "/"); status != 200 || time.Since(begin) != 200*time.Millisecond {
			t.Errorf("status %d after %v", status, time.Since(begin))
		}
	})
}

func TestAHangingCellAnswersOnceMendedOrWhenItsCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cell.New("c")
		ask(c, "POST", "/fault?hang=true")
		got := make(chan int, 1)
		go func() {
			status, _ := ask(c, "GET", "/")
			got <- status
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(got) != 0 {
			t.Fatal("it answered while it should hang")
		}
		ask(c, "DELETE", "/fault")
		if status := <-got; status != 200 {
			t.Errorf("after mending: %d", status)
		}
		ask(c, "POST", "/fault?hang=true")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil)) // returns
	})
}

func TestARefusingCellResetsTrafficAndStillTakesItsKnob(t *testing.T) {
	s := httptest.NewServer(cell.New("c"))
	defer s.Close()
	post := func(query string) {
		res, err := http.Post(s.URL+"/fault?"+query, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	post("refuse=true")
	if _, err := http.Post(s.URL, "text/plain", strings.NewReader("x")); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("traffic got %v, want a reset", err)
	}
	post("refuse=false")
	res, err := http.Get(s.URL)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("after mending: %v %v", res, err)
	}
	res.Body.Close()
}
