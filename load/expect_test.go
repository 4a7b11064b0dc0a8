package load_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/tally"
)

func TestTargetsGetTheirShareWithWhatIsTheirs(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int64{}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got[fmt.Sprintf("%s %s %s %s %v", r.Method, r.URL.Path, r.Header.Get("Who"), body, r.Header["X-Vegeta-Seq"])]++
	}))
	defer shop.Close()
	p := planFor(shop.URL+"/items", 200, 10, time.Second)
	p.Seed, p.Headers = 3, map[string]string{"Who": "load"}
	p.Targets = []seatrial.Target{{Weight: 3}, {URL: "/cart", Method: "POST", Body: "{}", Headers: map[string]string{"Who": "me"}}}
	total := sum(attack(t, p))
	if total.Sent == 0 || total.Succeeded != total.Sent {
		t.Errorf("%d of %d succeeded, %v", total.Succeeded, total.Sent, total.Errors)
	}
	if total.Dropped > 0 {
		t.Skipf("%d requests were not sent: the machine is busy", total.Dropped)
	}
	want := map[string]int64{}
	for i, deal := int64(0), plan.NewDeal(p); i < 200; i++ {
		want[[]string{"GET /items load  []", "POST /cart me {} []"}[deal.Target(i)]]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the server had %v, want %v", got, want)
	}
}

func TestAnAnswerThatIsNotTheExpectedOneIsAFailedCheck(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, "stock: 17 pieces")
	}))
	defer shop.Close()
	for _, tc := range []struct {
		path   string
		expect seatrial.Expect
		class  string
	}{
		{"/", seatrial.Expect{Status: 200, Contains: "stock", Matches: `\d+ pieces$`}, ""},
		{"/", seatrial.Expect{Status: 201}, tally.Check},
		{"/", seatrial.Expect{Contains: "sold out"}, tally.Check},
		{"/", seatrial.Expect{Matches: `^\d`}, tally.Check},
		{"/gone", seatrial.Expect{Status: 404}, ""},
		{"/gone", seatrial.Expect{Status: 200}, "http-404"},
		{"/gone", seatrial.Expect{Contains: "stock"}, "http-404"},
	} {
		for _, retries := range []int{0, 2} { // with a plain client, and with one that has policies
			p := planFor(shop.URL+tc.path, 20, 2, 200*time.Millisecond)
			p.Expect, p.Client.Retries.Max = tc.expect, retries
			total := sum(attack(t, p))
			fine := total.Succeeded
			if tc.class != "" {
				fine = total.Errors[tc.class]
			}
			if total.Sent == 0 || fine != total.Sent || total.Retried != 0 {
				t.Errorf("%s, %+v: %d of %d succeeded, %v, %d retries; want %q", tc.path, tc.expect, total.Succeeded, total.Sent, total.Errors, total.Retried, tc.class)
			}
		}
	}
}
