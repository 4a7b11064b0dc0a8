package seatrial

import "time"

// LoseVolume leaves one volume of a pod empty and read-only, and kills the
// containers that use it, so that they start again with that. It lasts as long
// as the pod does: a pod that takes its place gets the volume as it was. It ends
// by itself Expires after the act; zero is refused.
type LoseVolume struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	// Volume is its name in the pod's spec, or of its claim template.
	Volume  string        `json:"volume"`
	Expires time.Duration `json:"expires"`
}

// Kind names the action.
func (LoseVolume) Kind() string { return "loseVolume" }

// Target is the pod.
func (a LoseVolume) Target() string { return "pod/" + a.Namespace + "/" + a.Pod }
