package kube

import (
	"errors"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAVolumeIsFoundWhereItsKubeletMountsItForOnePod(t *testing.T) {
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "default", Name: name, UID: "u-1"}
	}
	claimed := func(name string) corev1.VolumeSource {
		return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}
	}
	pod := &corev1.Pod{ObjectMeta: meta("db-0"), Spec: corev1.PodSpec{
		NodeName: "n",
		Volumes: []corev1.Volume{
			{Name: "data", VolumeSource: claimed("local")},
			{Name: "old", VolumeSource: claimed("folder")},
			{Name: "new", VolumeSource: claimed("unbound")},
			{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/tmp"}}},
			{Name: "part", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		},
		Containers: []corev1.Container{{Name: "db", VolumeMounts: []corev1.VolumeMount{
			{Name: "data", MountPath: "/data/"}, {Name: "old", MountPath: "/old"}, {Name: "new", MountPath: "/new"},
			{Name: "scratch", MountPath: "/a"}, {Name: "scratch", MountPath: "/b"}, {Name: "host", MountPath: "/host"},
			{Name: "part", MountPath: "/part", SubPath: "x"},
		}}},
	}}
	claim := func(name, volume string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: meta(name), Spec: corev1.PersistentVolumeClaimSpec{VolumeName: volume}}
	}
	volume := func(name string, source corev1.PersistentVolumeSource) *corev1.PersistentVolume {
		return &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: source}}
	}
	c, _ := openFake(t, Options{}, pod, claim("local", "pv-1"), claim("folder", "pv-2"), claim("unbound", ""),
		volume("pv-1", corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/var/x"}}),
		volume("pv-2", corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/var/y"}}))
	for name, want := range map[string]string{
		"data": "pv-1 /data", "scratch": "scratch /a,/b",
		"old": "volumeType: local", "host": "volumeType: local", "new": "not bound", "part": "subPath", "none": "volumeClaimTemplates",
	} {
		got, err := c.PodVolume(t.Context(), "default", "db-0", name)
		said := got.Folder + " " + strings.Join(got.Paths, ",")
		if err != nil {
			said = err.Error()
			var known *seatrial.Error
			if errors.As(err, &known) {
				said += known.Hint
			}
		}
		if !strings.Contains(said, want) || err == nil && (got.UID != "u-1" || got.Node != "n") {
			t.Errorf("volume %s: %s, want %s", name, said, want)
		}
	}
	if _, err := c.PodVolume(t.Context(), "default", "db-1", "data"); err == nil {
		t.Error("a pod that is not there has a volume")
	}
}
