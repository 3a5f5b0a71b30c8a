"""Using an exported model on photographs, videos and cameras: numpy, onnxruntime, OpenCV and Pillow alone.

Shapes throughout: H, W height and width of a picture, C its channels, N faces, K classes. Pictures are uint8 RGB
(H, W, 3). Boxes are float32 (N, 4): left, top, right, bottom, in pixels of the picture, from its top left corner.
"""
