"""An SVG whose parts are shown in some frames of a loop: CSS, no script."""


class Film:
    """Parts of a picture, each with the frames that show it.

    Parameters
    ----------
    frames : int
    frame_s : float, seconds
    still : int, the frame that is shown where nothing moves
    """

    def __init__(self, frames, frame_s, still):
        self.frames = frames
        self.frame_s = frame_s
        self.still = still
        self._shown = {}

    def add(self, part, frames=None, layer=0):
        """Show `part`, an SVG element, in `frames`, by default in all; higher layers on top."""
        shown = range(self.frames) if frames is None else frames
        self._shown.setdefault((layer, part), set()).update(shown)

    def style(self):
        """The CSS of the animation."""
        seconds = self.frames * self.frame_s
        rules = [
            f".film{{animation:{seconds:g}s step-end infinite}}",
            "@media (prefers-reduced-motion:reduce){.film{animation:none}}",
        ]
        rules += [
            f"@keyframes f{index}{{{self._keys(shown)}}}#f{index}{{animation-name:f{index}}}"
            for shown, index in self._names().items()
        ]
        return "".join(rules)

    def parts(self):
        """All parts, those with the same frames in a group."""
        names, groups = self._names(), {}
        for (layer, part), shown in self._shown.items():
            groups.setdefault((layer, frozenset(shown)), []).append(part)
        text = ""
        for (_, shown), members in sorted(groups.items(), key=lambda item: item[0][0]):
            if shown in names:
                hidden = "" if self.still in shown else ' visibility="hidden"'
                members = [f'<g class="film" id="f{names[shown]}"{hidden}>', *members, "</g>"]
            text += "".join(members)
        return text

    def _names(self):
        """A number for each set of frames that is not all of them."""
        sets = dict.fromkeys(frozenset(shown) for shown in self._shown.values())
        return {
            shown: index
            for index, shown in enumerate(shown for shown in sets if len(shown) < self.frames)
        }

    def _keys(self, shown):
        text, before = "", None
        for frame in range(self.frames):
            state = "visible" if frame in shown else "hidden"
            if state != before:
                text += f"{100 * frame / self.frames:.6g}%{{visibility:{state}}}"
            before = state
        return text
