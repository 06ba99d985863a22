from .._py.whole_frames import (
    cut_frames as cut_frames,
    take_frame as take_frame,
    take_message as take_message,
)
