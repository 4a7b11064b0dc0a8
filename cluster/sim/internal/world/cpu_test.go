package world

import (
	"math"
	"testing"
	"time"
)

func TestAHogHasItsShareOfCPUByWeightAndLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		resources string
		share     float64 // of two cores, beside a pod that requests 500m
	}{
		"without requests it gets what is left over": {"{}", 2 * 2 / (2 + 512.0)},
		"as much as the other":                       {"{requests: {cpu: 500m}}", 1},
		"three times as much":                        {"{requests: {cpu: 1500m}}", 1.5},
		"its limit ends it":                          {"{requests: {cpu: 500m}, limits: {cpu: 600m}}", 0.6},
	} {
		w := newWorld(t, small)
		give(t, w, deploy("hog", 1, "", appPod("", "resources: "+tc.resources)),
			deploy("shop", 1, "", appPod("", "resources: {requests: {cpu: 500m}}")))
		settle(t, w)
		h := w.Pods("default", everything)[0].Container("").HogCPU(8)
		if got := h.Share(); math.Abs(got-tc.share) > 0.01 {
			t.Errorf("%s: %.3f cores, want %.3f", name, got, tc.share)
		}
	}
}

func TestWhereCPUIsHoggedRequestsTakeLonger(t *testing.T) {
	w := newWorld(t, small)
	give(t, w, deploy("hog", 1, "", appPod("", "resources: {requests: {cpu: 900m}, limits: {cpu: 900m}}")), deploy("shop", 1, "", appPod("", "resources: {requests: {cpu: 100m}}")))
	settle(t, w)
	pods := w.Pods("default", everything)
	took := func(i int) time.Duration {
		d := pods[i].Listener(8080).Compute()
		sleep(t, w, time.Minute) // the queue is empty again
		return d
	}
	hogged, other := took(0), took(1)
	h := pods[0].Container("").HogCPU(4)
	if a, b := took(0), took(1); a < 5*hogged || b < other*5/4 || b > other*3 {
		t.Errorf("%v beside the hog, %v before; %v on its node, %v before", a, hogged, b, other)
	}
	h.End()
	if a, b := took(0), took(1); a != hogged || b != other {
		t.Errorf("%v and %v after the hog, %v and %v before", a, b, hogged, other)
	}
	n := pods[0].Node.HogCPU(8)
	if b := took(1); b < other*5/4 || b > other*2 {
		t.Errorf("%v beside a hog on the node, %v before: a third of two cores is its share", b, other)
	}
	n.End()
}
